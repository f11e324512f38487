"""Videos by folder, glob and list."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from videomamba.errors import UserError
from videomamba.inference.paths import check_text, listed_videos


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/1.mp4", "a/b/2.avi", "a/notes.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(*sources):
    return [os.path.relpath(path) for path in listed_videos(sources).videos]


def test_folders_and_files_each_once(tree):
    assert names("a", "a/1.mp4") == ["a/1.mp4", "a/b/2.avi"]
    assert listed_videos(["a"]).others == {".md": 1}


def test_globs(tree):
    assert names("a/*.mp4") == ["a/1.mp4"]
    assert names("a/**/*.avi") == ["a/b/2.avi"]
    (tree / "odd[1].mp4").touch()
    assert names("odd[1].mp4") == ["odd[1].mp4"], "a file that is there is no glob"
    with pytest.raises(UserError, match="matches no file"):
        names("a/*.mkv")


def test_lists_are_relative_to_their_folder_or_to_this_one(tree):
    (tree / "a" / "here.txt").write_text("1.mp4\n\n/x/y.mp4\nb/2.avi\n")
    assert listed_videos(["a/here.txt"]).videos == (Path("a/1.mp4"), Path("/x/y.mp4"), Path("a/b/2.avi"))
    (tree / "a" / "there.csv").write_text("label,path\nx,a/1.mp4\ny,a/b/2.avi\n")
    assert names("a/there.csv") == ["a/1.mp4", "a/b/2.avi"]
    (tree / "a" / "gone.csv").write_text("path\ngone.mp4\n")
    assert names("a/gone.csv") == ["gone.mp4"], "a missing video is a row with its error"


@pytest.mark.parametrize("columns", [{"path": ["1.mp4", None]}, {"file": ["1.mp4"], "label": [3]}])
def test_parquet(tree, columns):
    pq.write_table(pa.table(columns), tree / "a" / "list.parquet")
    assert names("a/list.parquet") == ["a/1.mp4"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", b"video\n1.mp4\n", "has no column 'path'"),
        ("x.csv", b"path\n", "a header and no rows"),
        ("x.txt", b"\n\n", "names no video"),
        ("x.txt", None, "cannot be read"),
        ("x.parquet", b"nothing", "cannot be read as Parquet"),
        ("x.parquet", None, "cannot be read as Parquet"),
        ("x.parquet", {"a": ["1"], "b": ["2"]}, "has no column 'path' of text; it has a, b"),
        ("x.parquet", {"path": [1]}, "has no column 'path' of text"),
    ],
)
def test_lists_that_cannot_be_used(tree, name, content, said):
    if isinstance(content, dict):
        pq.write_table(pa.table(content), tree / name)
    elif content is not None:
        (tree / name).write_bytes(content)
    with pytest.raises(UserError, match=said):
        names(name)


def test_names_that_are_not_utf8_are_refused():
    assert check_text([Path("a.mp4")]) == ["a.mp4"]
    with pytest.raises(UserError, match="1 paths are not UTF-8, the first caf"):
        check_text([Path(os.fsdecode(b"caf\xe9.mp4"))])
