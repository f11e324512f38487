"""Files and folders that are whole or not there, and text that is read as it was written."""

import json
import os
from pathlib import Path

import pytest

from videomamba.errors import UserError
from videomamba.files import (
    check_writable,
    printable,
    read_csv_lines,
    read_json,
    read_text,
    whole_file,
    whole_folder,
    write_json,
    write_text,
)
from videomamba.tables import csv_lines, write_csv_lines

ODD = [
    "smith, john",
    'the "best" day',
    '"quoted"',
    "100 %",
    "two\nlines",
    "a\r\nb",
    "a\rb",
    " space ",
    "#1",
    "caf\udce9",
]


@pytest.mark.parametrize("length", [5, 30, 200, 250, 255])
def test_names_of_any_length(tmp_path, length):
    path = tmp_path / ("é" * 200)[: (length - 4) // 2].ljust(length - 4 - (length - 4) // 2, "x")
    path = path.with_name(path.name + ".csv")
    assert len(os.fsencode(path.name)) == length
    with whole_file(path) as temporary:
        assert len(os.fsencode(temporary.name)) <= max(length, 25)
        assert temporary.suffix == ".csv"
        temporary.write_text("x")
    with whole_folder(tmp_path / path.stem) as temporary:
        (temporary / "a").touch()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([path.name, path.stem])


def test_a_suffix_as_long_as_a_name(tmp_path):
    path = tmp_path / ("a." + "b" * 240)
    write_text(path, "x")
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("place", ["s3://bucket/out", "https://host/out.csv", "gs://b"])
def test_addresses_are_refused(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path(place)
    with pytest.raises(UserError, match=f"{place} cannot be written: outputs are files and folders of this machine"):
        check_writable(path, folder=True)
    for whole in (whole_file, whole_folder):
        with pytest.raises(UserError, match="cannot be written"), whole(path):
            pass
    assert os.listdir() == []
    check_writable(Path("a:b.mp4"), folder=False)


def test_a_folder_is_whole_or_not_there(tmp_path):
    with pytest.raises(FileNotFoundError), whole_folder(tmp_path / "a" / "b") as temporary:
        (temporary / "no" / "where").touch()
    assert list((tmp_path / "a").iterdir()) == []
    with whole_folder(tmp_path / "a" / "b") as temporary:
        (temporary / "x").touch()
    assert [p.name for p in (tmp_path / "a").rglob("*")] == ["b", "x"]
    with pytest.raises(OSError, match="not empty"), whole_folder(tmp_path / "a"):
        pass


def test_csv_is_read_as_it_was_written(tmp_path):
    rows = [[name, str(i)] for i, name in enumerate(ODD)]
    write_csv_lines(tmp_path / "a.csv", rows)
    assert [fields for _, fields in read_csv_lines(tmp_path / "a.csv", names=True)] == rows
    assert csv_lines([["a", 1, None, "x y"]]) == "a,1,,x y\n"


def test_text_and_json_in_stated_encodings(tmp_path):
    write_text(tmp_path / "a.txt", "café \udce9\r\n")
    assert (tmp_path / "a.txt").read_bytes() == b"caf\xc3\xa9 \xe9\r\n"
    assert read_text(tmp_path / "a.txt", names=True) == "café \udce9\n"
    with pytest.raises(UserError, match="line 1 is not UTF-8"):
        read_text(tmp_path / "a.txt")
    (tmp_path / "b.json").write_bytes('{"é": 1}'.encode("utf-8-sig"))
    assert read_json(tmp_path / "b.json") == {"é": 1}
    write_json(tmp_path / "c.json", {"name": "caf\udce9"})
    assert read_json(tmp_path / "c.json") == {"name": "caf\udce9"}
    assert printable("caf\udce9") == "caf\ufffd"


@pytest.mark.parametrize(
    "text", ["{", "[" * 100_000, '"\\ud800"', "1" * 5000, "", "\0", json.dumps("x").encode("utf-16").decode("latin-1")]
)
def test_json_that_is_none_is_one_line(tmp_path, text):
    write_text(tmp_path / "a.json", text)
    with pytest.raises(UserError, match="cannot be read as JSON"):
        read_json(tmp_path / "a.json")


def test_what_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "none", tmp_path / "a\0b", tmp_path / ("x" * 300)):
        with pytest.raises(UserError, match="cannot be read"):
            read_text(path)
    (tmp_path / "a.csv").write_text('a,"' + "b" * 200_000)
    with pytest.raises(UserError, match="line 1: not csv"):
        list(read_csv_lines(tmp_path / "a.csv"))
