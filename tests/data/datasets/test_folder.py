"""Folders whose names are classes and parts, and every way in which that goes wrong."""

import pytest

from tests.data.annotated import listed, touch
from videomamba.data import read_folder
from videomamba.errors import UserError


def test_folder_per_class(tmp_path):
    touch(tmp_path, "run/b.mp4", "run/a.AVI", "run/notes.txt", "run/.hidden.mp4", "jump/deep/c.webm", "clips.csv")
    found = read_folder(tmp_path)["all"]
    assert found.class_names == ("jump", "run")
    assert listed(found, tmp_path) == [("jump/deep/c.webm", "jump"), ("run/a.AVI", "run"), ("run/b.mp4", "run")]


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "test"), ("train", "val"), ("training", "testing"), ("Train", "Test"), ("training", "validation")],
)
def test_folder_with_parts(tmp_path, train, test):
    touch(tmp_path, f"{train}/a/1.mp4", f"{train}/b/2.mp4", f"{test}/a/3.mp4", f"{test}/b/4.mp4")
    parts = read_folder(tmp_path)
    assert [len(parts["train"]), len(parts["test"])] == [2, 2]
    assert listed(parts["test"], tmp_path) == [(f"{test}/a/3.mp4", "a"), (f"{test}/b/4.mp4", "b")]


def test_folder_with_three_parts(tmp_path):
    for part in ("train", "val", "test"):
        touch(tmp_path, f"{part}/a/{part}.mp4", f"{part}/b/{part}.mp4")
    touch(tmp_path, "extra/c/1.mp4")
    parts = read_folder(tmp_path)
    assert {name: {r.path.stem for r in part.records} for name, part in parts.items()} == {
        "train": {"train"},
        "val": {"val"},
        "test": {"test"},
    }
    best = "best/ is chosen on the 2 videos of the val part; the 2 of the test part are tested after the last epoch"
    assert list(parts["train"].notes) == [
        f"{tmp_path}: {best}",
        f"{tmp_path}: folders beside the parts are left out: extra/",
    ]


def test_folders_that_are_called_like_parts(tmp_path):
    touch(tmp_path / "one", "train/a/1.mp4", "train/b/2.mp4")
    only = read_folder(tmp_path / "one")["all"]
    assert only.class_names == ("a", "b")
    assert "has train/ and no other part" in only.notes[0]
    touch(tmp_path / "rail", "train/1.mp4", "plane/2.mp4")
    assert read_folder(tmp_path / "rail")["all"].class_names == ("plane", "train")
    for other in ("train/a/1.mp4", "training/a/1.mp4", "test/a/1.mp4"):
        root = tmp_path / other.replace("/", "-")
        touch(root, other, "wave/2.mp4")
        with pytest.raises(UserError, match=r"with folders in it beside wave/: for parts it needs train/ and test/"):
            read_folder(root)
    touch(tmp_path / "two", "train/a/1.mp4", "val/a/1.mp4", "validation/a/1.mp4")
    with pytest.raises(UserError, match="has val/, validation/, which all mean val; leave one"):
        read_folder(tmp_path / "two")
    touch(tmp_path / "untrained", "val/a/1.mp4", "test/a/1.mp4")
    with pytest.raises(UserError, match="and no train/"):
        read_folder(tmp_path / "untrained")


def test_class_names_are_compared_composed(tmp_path):
    touch(tmp_path, "train/caf\u00e9/1.mp4", "train/b/2.mp4", "test/cafe\u0301/3.mp4", "test/b/4.mp4")
    parts = read_folder(tmp_path)
    assert parts["train"].class_names == parts["test"].class_names == ("b", "caf\u00e9")
    touch(tmp_path, "train/cafe\u0301/5.mp4")
    assert len(read_folder(tmp_path)["train"]) == 3
    assert any(
        "has 2 folders that spell caf\u00e9 differently" in note for note in read_folder(tmp_path)["train"].notes
    )


def test_one_video_in_two_classes_or_parts_of_folders(tmp_path):
    touch(tmp_path, "all/a/1.mp4", "all/b/2.mp4")
    (tmp_path / "all/b/again.mp4").symlink_to("../a/1.mp4")
    with pytest.raises(UserError, match=r"one video has two labels: .*a/1.mp4 'a', .*b/again.mp4 'b'"):
        read_folder(tmp_path / "all")
    touch(tmp_path, "parts/train/a/1.mp4", "parts/test/a/2.mp4")
    (tmp_path / "parts/test/a/more").symlink_to(tmp_path / "parts/train/a")
    with pytest.raises(UserError, match="one video is in two parts"):
        read_folder(tmp_path / "parts")
    touch(tmp_path, "same/a/1.mp4", "same/b/2.mp4")
    (tmp_path / "same/a/again.mp4").symlink_to("1.mp4")
    same = read_folder(tmp_path / "same")["all"]
    assert len(same) == 2
    assert "1 videos of the all part are there twice and count once" in same.notes[-1]


def test_what_a_folder_leaves_out_is_said(tmp_path):
    touch(tmp_path, "a/1.mts", "a/2.m2ts", "a/notes.txt", "a/x.txt", "b/3.vob", "b/README", "top.mp4", "b/.DS_Store")
    found = read_folder(tmp_path)["all"]
    assert len(found) == 3
    assert found.notes == (
        f"1 videos in {tmp_path} itself, in no class's folder, are left out: top.mp4 ...",
        f"3 files with other suffixes (.txt 2, without suffix 1) are left out in {tmp_path}",
    )
    touch(tmp_path, "c/1.xyz")
    with pytest.raises(
        UserError, match=r"class 'c' has no videos .*; 1 file with other suffixes \(.xyz 1\) is left out"
    ):
        read_folder(tmp_path)


def test_data_that_lie_a_folder_deeper(tmp_path):
    touch(tmp_path, "clips/wave/1.mp4", "clips/clap/2.mp4")
    (note,) = read_folder(tmp_path)["all"].notes
    assert f"if clap/, wave/ in it are the classes or parts, name the folder {tmp_path / 'clips'}" in note


def test_bad_folders(tmp_path):
    with pytest.raises(ValueError, match="nowhere is not a folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="has no folders; expected one folder per class"):
        read_folder(tmp_path)
    touch(tmp_path, "a/1.mp4", "b/readme.txt")
    with pytest.raises(ValueError, match="class 'b' has no videos in"):
        read_folder(tmp_path)
    touch(tmp_path / "parts", "train/a/1.mp4", "train/b/1.mp4", "test/a/1.mp4")
    with pytest.raises(ValueError, match="classes b are in only one of train/ and test/"):
        read_folder(tmp_path / "parts")
