"""Videos and their labels: what is found, held out, and shown to belong together."""

from pathlib import Path

import pytest

from tests.data.annotated import touch
from videomamba.data import VideoError, find_videos, read_folder, split_holdout
from videomamba.data.annotations import Annotations, VideoRecord, check_disjoint, model_labels, relative
from videomamba.errors import UserError


def test_holdout_takes_its_share_of_every_class(tmp_path):
    touch(tmp_path, *[f"a/{i}.mp4" for i in range(1000)], *[f"b/{i}.mp4" for i in range(2)], "c/only.mp4")
    everything = read_folder(tmp_path)["all"]
    parts = split_holdout(everything, fraction=0.2, seed=1)
    counts = {part: [sum(r.label == i for r in parts[part].records) for i in range(3)] for part in parts}
    assert counts["train"][1:] == [1, 1]
    assert counts["test"][1:] == [1, 0]
    assert 160 < counts["test"][0] < 240
    assert set(parts["train"].records) | set(parts["test"].records) == set(everything.records)
    assert split_holdout(everything, seed=1) == parts
    assert split_holdout(everything, seed=2) != parts


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_holdout_leaves_one_on_each_side(tmp_path, fraction):
    touch(tmp_path, *[f"a/{i}.mp4" for i in range(5)])
    parts = split_holdout(read_folder(tmp_path)["all"], fraction=fraction)
    assert min(len(part) for part in parts.values()) == 1


def test_holdout_moves_no_other_video_when_one_is_added_or_removed(tmp_path):
    touch(tmp_path, *[f"{label}/{i}.mp4" for label in "ab" for i in range(30)])

    def held_out(root):
        return {r.path.relative_to(root) for r in split_holdout(read_folder(root)["all"], root=root)["test"].records}

    before = held_out(tmp_path)
    for path in sorted(tmp_path.glob("a/*.mp4"))[::5]:
        path.unlink()
        name = path.relative_to(tmp_path)
        assert held_out(tmp_path) == before - {name}
        path.touch()
    touch(tmp_path, *[f"a/new{i}.mp4" for i in range(10)])
    assert {path for path in held_out(tmp_path) if "new" not in path.name} == before
    moved = tmp_path.rename(tmp_path.with_name("elsewhere"))
    assert {path for path in held_out(moved) if "new" not in path.name} == before


def test_find_videos(tmp_path):
    touch(tmp_path, "f/b.mp4", "f/sub/a.mkv", "f/x.txt")
    found = find_videos([tmp_path / "missing.mp4", tmp_path / "f"])
    assert [str(p.relative_to(tmp_path)) for p in found] == ["missing.mp4", "f/b.mp4", "f/sub/a.mkv"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(VideoError, match="empty holds no video"):
        find_videos([tmp_path / "empty"])


def test_paths_are_written_relative_to_their_root(tmp_path, monkeypatch):
    (tmp_path / "clips/wave").mkdir(parents=True)
    (tmp_path / "link").symlink_to("clips")
    monkeypatch.chdir(tmp_path)
    for path in (Path("clips/wave/a.mp4"), tmp_path / "clips/wave/a.mp4", Path("link/wave/a.mp4")):
        for root in (Path("clips"), tmp_path / "clips", Path("link")):
            assert relative(path, root) == "wave/a.mp4"
    assert relative(Path("other/a.mp4"), tmp_path / "clips") == str(tmp_path / "other/a.mp4")
    monkeypatch.chdir(tmp_path / "clips")
    assert relative(Path("wave/a.mp4"), Path()) == "wave/a.mp4"


def test_labels_of_a_model_are_found_composed_or_not(tmp_path):
    part = Annotations((VideoRecord(tmp_path / "a", 0),), ("caf\u00e9",), notes=("x",))
    moved = model_labels(part, ("b", "cafe\u0301"))
    assert (moved.records[0].label, moved.notes) == (1, ("x",))


def test_parts_that_share_a_video(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "b.mp4").symlink_to("a.mp4")
    first, second = (Annotations((VideoRecord(tmp_path / name, 0),), ("x",)) for name in ("a.mp4", "b.mp4"))
    with pytest.raises(UserError, match=r"one video is in two parts: .*a.mp4 in train, .*b.mp4 in test"):
        check_disjoint({"train": first, "test": second}, "here")
    assert check_disjoint({"train": first}, "here") == {"train": first}
