"""Lists of videos: what they name, relative to what, and which cannot be used."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from videomamba.errors import UserError
from videomamba.inference.paths import check_text, read_list


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/1.mp4", "a/b/2.avi", "a/notes.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(file):
    return [str(path) for path in read_list(Path(file))]


def test_paths_are_relative_to_the_lists_folder_or_to_this_one(tree):
    (tree / "a" / "here.txt").write_text("1.mp4\n\n/x/y.mp4\n b/2.avi \nb\n")
    assert names("a/here.txt") == ["a/1.mp4", "/x/y.mp4", "a/b/2.avi", "a/b"]
    (tree / "a" / "there.csv").write_text("label,path\nx,a/1.mp4\ny,a\\b\\2.avi\n")
    assert names("a/there.csv") == ["a/1.mp4", "a/b/2.avi"]
    (tree / "a" / "gone.csv").write_text("path\ngone.mp4\n")
    assert names("a/gone.csv") == ["a/gone.mp4"], "a missing video is its own error"
    (tree / "a" / "first.txt").write_text("camera:0\nhttp://x/1.mp4\na/1.mp4\n")
    assert read_list(Path("a/first.txt")) == ["camera:0", "http://x/1.mp4", Path("a/1.mp4")]


def test_a_name_that_ends_in_a_space_is_taken_as_it_is_where_it_is_there(tree):
    (tree / "a" / "3.mp4 ").touch()
    (tree / "a" / "list.txt").write_text("3.mp4 \n1.mp4 \n")
    assert names("a/list.txt") == ["a/3.mp4 ", "a/1.mp4"]


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
