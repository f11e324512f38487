"""``videomamba benchmark data``: every decoder that works, and every stride."""

import csv
import json

import pytest

from videomamba.cli.main import main

SMALL = ("--frames", "4", "--size", "16", "--clips", "3", "--rounds", "2", "--workers", "1")


@pytest.fixture(autouse=True)
def folder(tmp_path):
    (tmp_path / "videos").mkdir()


def test_every_decoder_and_stride(videos, tmp_path, capsys):
    files = {"--csv": tmp_path / "new" / "rows.csv", "--markdown": tmp_path / "rows.md", "--plot": tmp_path / "a.svg"}
    written = [str(part) for pair in files.items() for part in pair]
    command = ["benchmark", "data", str(videos), *SMALL, "--strides", "uniform", "3", "--json", *written]
    assert main(command) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)
    working = [name for name, status in figures["decoders"].items() if status == "works"]
    assert "pyav" in working
    assert set(figures["decoders"]) == {"pyav", "torchcodec"}
    rows = figures["rows"]
    assert [(r["decoder"], r["sampling"]) for r in rows] == [(d, s) for d in working for s in ("uniform", "3")]
    for row in rows:
        assert row["clips"] == 3
        assert 10 <= row["decoded"] <= 23  # 4 frames 3 apart end at the tenth at the earliest
        assert (row["bare"] is None) == (row["decoder"] == "torchcodec")
        assert row["sample"] > row["transform"] > 0
    assert set(figures["clips_per_second"]) == set(working)
    assert all(speed["1"] > 0 for speed in figures["clips_per_second"].values())
    for name in set(figures["decoders"]) - set(working):
        assert f"{name} is left out: " in err
    with files["--csv"].open(newline="") as file:
        assert [float(row["sample"]) for row in csv.DictReader(file)] == [row["sample"] for row in rows]
    lines = files["--markdown"].read_text().splitlines()
    assert len(lines) == 2 + len(rows)
    assert all(line.count("|") == lines[0].count("|") for line in lines)
    assert "decoder alone" in files["--plot"].read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--strides", "0"), "--strides 0: give uniform, or a number of at least 1"),
        (("--strides", "all"), "--strides all: give uniform"),
        (("--strides",), "--strides: give at least one"),
        (("--csv", "."), ". is a folder; name a file to write"),
        (("--plot", "rows.xls"), "--plot rows.xls: end it in one of"),
        (("--clips", "0"), "--clips 0: give a number of at least 1"),
    ],
)
def test_mistakes(videos, capsys, options, message):
    assert main(["benchmark", "data", str(videos), *options]) == 2
    assert message in capsys.readouterr().err


def test_no_videos(tmp_path, capsys):
    assert main(["benchmark", "data", str(tmp_path / "videos")]) == 2
    assert "holds no video" in capsys.readouterr().err
