"""Videos, labels and parts from a csv file, and every way in which that goes wrong."""

import pytest

from tests.data.annotated import listed, touch
from videomamba.data import read_csv, read_folder
from videomamba.data.annotations import label_index
from videomamba.errors import UserError


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
