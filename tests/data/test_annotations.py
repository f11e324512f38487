"""Where videos and labels come from, and every way in which that goes wrong."""

import pytest

from videomamba.data import VideoError, find_videos, read_csv, read_folder, split_holdout
from videomamba.data.annotations import label_index
from videomamba.errors import UserError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def listed(annotations, root):
    return [(str(r.path.relative_to(root)), annotations.class_names[r.label]) for r in annotations.records]


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


def write_csv(path, text):
    path.write_text(text)
    return path


def test_csv_with_a_split_column(tmp_path):
    touch(tmp_path, "x/1.mp4", "x/2.mp4", "y/3.mp4")
    file = write_csv(tmp_path / "c.csv", "path,label,split\nx/1.mp4,x,train\nx/2.mp4,x,test\ny/3.mp4,y,test\n")
    parts = read_csv(file)
    assert listed(parts["train"], tmp_path) == [("x/1.mp4", "x")]
    assert listed(parts["test"], tmp_path) == [("x/2.mp4", "x"), ("y/3.mp4", "y")]
    assert parts["train"].class_names == ("x", "y")
    assert parts["train"].notes == (f"{file}: no training video shows y",)


@pytest.mark.parametrize("words", [("train", "val", "test"), (" Training", "VALIDATION ", "testing")])
def test_csv_with_three_parts(tmp_path, words):
    touch(tmp_path, "1.mp4", "2.mp4", "3.mp4")
    rows = "".join(f"{i}.mp4,x,{word}\n" for i, word in enumerate(words, start=1))
    parts = read_csv(write_csv(tmp_path / "c.csv", f"path,label,split\n{rows}"))
    names = {name: [r.path.name for r in part.records] for name, part in parts.items()}
    assert names == {"train": ["1.mp4"], "val": ["2.mp4"], "test": ["3.mp4"]}
    assert "best/ is chosen on the 1 videos of the val part" in parts["train"].notes[0]


def test_csv_with_val_and_no_test(tmp_path):
    touch(tmp_path, "1.mp4", "2.mp4")
    parts = read_csv(write_csv(tmp_path / "c.csv", "path,label,split\n1.mp4,x,train\n2.mp4,x,val\n"))
    assert {name: len(part) for name, part in parts.items()} == {"train": 1, "test": 1}


def test_csv_fields_are_stripped_and_names_found_as_they_are(tmp_path):
    touch(tmp_path, "a.mp4", " b.mp4", "c/d.mp4", "caf\u00e9.mp4", "caf\u00e9/e.mp4")
    text = (
        " path , label,split \n a.mp4,wave , train\n\n b.mp4, wave,Train\nc\\d.mp4,clap,test,\n,,\n"
        "cafe\u0301.mp4,clap,train\ncaf\u00e9/e.mp4,cafe\u0301,train\n"
    )
    parts = read_csv(write_csv(tmp_path / "c.csv", text))
    assert parts["train"].class_names == ("caf\u00e9", "clap", "wave")
    assert listed(parts["train"], tmp_path)[:2] == [("a.mp4", "wave"), (" b.mp4", "wave")]
    assert listed(parts["test"], tmp_path) == [("c/d.mp4", "clap")]
    assert all(part.missing == () for part in parts.values())


def test_csv_notes(tmp_path):
    touch(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    text = "path,label,split\na.mp4,wave,train\n./a.mp4,wave,train\nb.mp4,Wave,test\nc.mp4,wave,test\n"
    file = write_csv(tmp_path / "c.csv", text)
    parts = read_csv(file)
    assert len(parts["train"]) == 1
    assert parts["train"].notes == (
        f"{file}: 1 rows are there twice and count once",
        f"{file}: no training video shows Wave",
        f"{file}: labels that differ in case only: Wave, wave",
    )


def test_whole_numbers_are_in_their_order(tmp_path):
    touch(tmp_path, *[f"clips/{k}/{j}.mp4" for k in range(12) for j in range(2)])
    assert read_folder(tmp_path / "clips")["all"].class_names == tuple(map(str, range(12)))
    rows = "".join(f"clips/{k}/{j}.mp4,{k},{('train', 'test')[j]}\n" for k in range(12) for j in range(2))
    parts = read_csv(write_csv(tmp_path / "c.csv", f"path,label,split\n{rows}"))
    assert parts["train"].class_names == tuple(map(str, range(12)))
    assert label_index(["10", "9", "b"]) == {"10": 0, "9": 1, "b": 2}


def test_csv_holding_out_values_of_a_column(tmp_path):
    touch(tmp_path / "videos", "1.mp4", "2.mp4", "3.mp4")
    file = write_csv(tmp_path / "c.csv", "path,label,actor\n1.mp4,x,ann\n2.mp4,y,bob\n3.mp4,x,cid\n")
    parts = read_csv(file, root=tmp_path / "videos", hold_out="actor=ann,cid")
    assert listed(parts["test"], tmp_path / "videos") == [("1.mp4", "x"), ("3.mp4", "x")]
    assert listed(parts["train"], tmp_path / "videos") == [("2.mp4", "y")]


@pytest.mark.parametrize(
    ("text", "hold_out", "message"),
    [
        ("file,label\n1.mp4,x\n", None, "has no column 'path'; it has file, label"),
        ("path,class\n1.mp4,x\n", None, "has no column 'label'; it has path, class"),
        ("path,label\n1.mp4,x\n", None, "has no column 'split'; it has path, label: name what to hold out"),
        ("\n", None, "has no column 'path'; it has no header"),
        ("path,label,split\n", None, "has a header and no rows"),
        ("path,label,split\n1.mp4,,train\n", None, "c.csv, line 2: no label"),
        ("path,label,split\n1.mp4\n", None, "c.csv, line 2: split is ''"),
        ("path,label,split\n ,x,train\n", None, "c.csv, line 2: no path"),
        ("path,label,label,split\n1.mp4,x,y,train\n", None, "has the column 'label' twice"),
        ("path,label,split\n1, 2.mp4,x,train\n", None, "line 2: 4 fields for 3 columns; put a field with a comma in"),
        (
            "path,label,split\n1.mp4,x,train\n./1.mp4,y,train\n",
            None,
            "lines 2 and 3: .*1.mp4 has two labels, 'x' and 'y'",
        ),
        (
            "path,label,split\n1.mp4,x,train\nlink.mp4,x,test\n",
            None,
            "lines 2 and 3: .*link.mp4 is in two parts, train and test",
        ),
        ("path,label,split\n1.mp4,x,vali\n", None, "line 2: split is 'vali'; it must be train, val or test"),
        ("path,label,split\n1.mp4,x,train\n", None, "no row is in the test part"),
        (
            "path,label,split\n9.mp4,x,train\n1.mp4,x,test\n",
            None,
            "names 1 videos that are not there, the first .*9.mp4",
        ),
        (
            "path,label,actor\n1.mp4,x,ann\n",
            "player=ann",
            "expected COLUMN=VALUE,... with a column of path, label, actor",
        ),
        ("path,label,actor\n1.mp4,x,ann\n", "actor", "expected COLUMN=VALUE"),
        ("path,label,actor\n1.mp4,x,ann\n", "actor=bob", "actor has no value 'bob'; it has ann"),
        ("path,label,actor\n1.mp4,x,ann\n", "actor=ann", "no row is in the train part"),
    ],
)
def test_bad_csv_files(tmp_path, text, hold_out, message):
    touch(tmp_path, "1.mp4")
    (tmp_path / "link.mp4").symlink_to("1.mp4")
    file = write_csv(tmp_path / "c.csv", text)
    with pytest.raises(ValueError, match=message) as caught:
        read_csv(file, hold_out=hold_out)
    assert "\n" not in str(caught.value)


def test_csv_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(UserError, match=r"none.csv cannot be read: No such file"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00path")
    with pytest.raises(UserError, match="has no column 'path'"):
        read_csv(tmp_path / "b.csv")
    touch(tmp_path, "a.mp4")
    (tmp_path / "c.csv").write_bytes("path,label,split\na.mp4,café,train\n".encode("latin-1"))
    with pytest.raises(UserError, match="line 2: label 'caf\ufffd' is not UTF-8"):
        read_csv(tmp_path / "c.csv")
    (tmp_path / "d.csv").write_bytes("path,label,split\na.mp4,café,train\na.mp4,café,train".encode("utf-8-sig"))
    with pytest.raises(UserError, match="no row is in the test part"):
        read_csv(tmp_path / "d.csv")


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
