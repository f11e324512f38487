"""Where videos and labels come from, and every way in which that goes wrong."""

import pytest

from videomamba.data import VideoError, find_videos, read_csv, read_folder, split_holdout


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


@pytest.mark.parametrize("test", ["test", "val"])
def test_folder_with_parts(tmp_path, test):
    touch(tmp_path, "train/a/1.mp4", "train/b/2.mp4", f"{test}/a/3.mp4", f"{test}/b/4.mp4")
    parts = read_folder(tmp_path)
    assert [len(parts["train"]), len(parts["test"])] == [2, 2]
    assert listed(parts["test"], tmp_path) == [(f"{test}/a/3.mp4", "a"), (f"{test}/b/4.mp4", "b")]


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
    file = write_csv(tmp_path / "c.csv", "path,label,split\nx/1.mp4,x,train\nx/2.mp4,x,val\ny/3.mp4,y,test\n")
    parts = read_csv(file)
    assert listed(parts["train"], tmp_path) == [("x/1.mp4", "x")]
    assert listed(parts["test"], tmp_path) == [("x/2.mp4", "x"), ("y/3.mp4", "y")]
    assert parts["train"].class_names == ("x", "y")


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
        ("path,label,split\n1.mp4,x,dev\n", None, "split is 'dev' in some row; it must be train, test or val"),
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
    file = write_csv(tmp_path / "c.csv", text)
    with pytest.raises(ValueError, match=message) as caught:
        read_csv(file, hold_out=hold_out)
    assert "\n" not in str(caught.value)


def test_csv_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(ValueError, match="cannot be read as a csv file"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00path")
    with pytest.raises(ValueError, match="cannot be read as a csv file"):
        read_csv(tmp_path / "b.csv")


def test_holdout_takes_its_share_of_every_class(tmp_path):
    touch(tmp_path, *[f"a/{i}.mp4" for i in range(10)], *[f"b/{i}.mp4" for i in range(3)], "c/only.mp4")
    everything = read_folder(tmp_path)["all"]
    parts = split_holdout(everything, fraction=0.2, seed=1)
    counts = {part: [sum(r.label == i for r in parts[part].records) for i in range(3)] for part in parts}
    assert counts == {"train": [8, 2, 1], "test": [2, 1, 0]}
    assert set(parts["train"].records) | set(parts["test"].records) == set(everything.records)
    assert split_holdout(everything, seed=1) == parts
    assert split_holdout(everything, seed=2) != parts


def test_find_videos(tmp_path):
    touch(tmp_path, "f/b.mp4", "f/sub/a.mkv", "f/x.txt")
    found = find_videos([tmp_path / "missing.mp4", tmp_path / "f"])
    assert [str(p.relative_to(tmp_path)) for p in found] == ["missing.mp4", "f/b.mp4", "f/sub/a.mkv"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(VideoError, match="empty holds no video"):
        find_videos([tmp_path / "empty"])
