"""What is the same name, and the same file."""

import os
from pathlib import Path

import pytest

from videomamba.data.names import class_name, differing_in_case, identity, in_order, located, video_name


def test_names_of_classes_and_videos():
    assert class_name(" cafe\u0301 ") == "café"
    assert [video_name(n) for n in ("a.mp4", " a", "a.MTS", "a.mp4.mkv", "2024.01.02", "a.b")] == [
        *("a", "a", "a", "a"),
        *("2024.01.02", "a.b"),
    ]
    assert in_order({"10", "9", "0", "2"}) == ["0", "2", "9", "10"]
    assert in_order(["10", "9", "x"]) == ["10", "9", "x"]
    assert in_order(["01", "1", "0"]) == ["0", "01", "1"]
    assert differing_in_case(["Wave", "wave", "clap"]) == [("Wave", "wave")]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a/b.mp4", "a/b.mp4"),
        ("a/b.mp4", " a/b.mp4 "),
        (" b.mp4", " b.mp4"),
        ("a/b.mp4", "a\\b.mp4"),
        ("a\\b.mp4", "a\\b.mp4"),
        ("caf\u00e9.mp4", "cafe\u0301.mp4"),
        ("cafe\u0301.mp4", "caf\u00e9.mp4"),
    ],
)
def test_a_file_is_found_however_it_is_spelled(tmp_path, file, text):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    assert located(tmp_path, text) == tmp_path / file
    assert located(tmp_path / "elsewhere", str(tmp_path / file)) == tmp_path / file


@pytest.mark.parametrize("text", ["", " ", ".", "none.mp4", "a\0b", "x" * 300])
def test_what_is_not_there_is_not_found(tmp_path, text):
    assert located(tmp_path, text) is None


def test_one_file_has_one_identity(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.mp4").touch()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real/b.mp4").symlink_to("a.mp4")
    monkeypatch.chdir(tmp_path)
    same = (tmp_path / "real/a.mp4", Path("real/a.mp4"), Path("link/a.mp4"), Path("real/../link/./b.mp4"))
    assert {identity(path) for path in same} == {str(tmp_path / "real/a.mp4")}
    assert identity(Path("link/gone.mp4")) == str(tmp_path / "real/gone.mp4")


def test_names_that_are_not_utf8(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.mp4")
    with open(path, "wb"):
        pass
    assert located(tmp_path, "caf\udce9.mp4") is not None
