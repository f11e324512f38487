"""``videomamba check``: what is wrong with which file, in a table, a csv file and JSON."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.data import layouts
from tests.data.videos import numbered_frames, write
from videomamba.cli.main import main
from videomamba.data import check as data_check
from videomamba.data import read_csv


@pytest.fixture
def mixed(tmp_path):
    """Two classes with one file of each kind of trouble, and a csv file that also names one that is not there."""
    root = tmp_path / "data"
    for label in ("clap", "wave"):
        (root / label).mkdir(parents=True)
    good = write(root / "clap" / "good.mp4", numbered_frames(20), options={"g": "10"})
    write(root / "clap" / "short.mp4", numbered_frames(7))
    shutil.copy(good, root / "wave" / "also good.mp4")
    (root / "wave" / "text.mp4").write_text("I am no video")
    (root / "wave" / "empty.avi").touch()
    noisy = write(root / "wave" / "noisy.avi", numbered_frames(20), codec="mpeg4")
    data = bytearray(noisy.read_bytes())
    middle = data.index(b"movi") + 600
    data[middle : middle + 300] = b"\xff" * 300
    noisy.write_bytes(data)
    cut = root / "wave" / "cut.mkv"
    write(cut, numbered_frames(50))
    data = bytearray(cut.read_bytes())
    data[len(data) - 2000 :] = bytes(2000)
    cut.write_bytes(data)
    with (tmp_path / "clips.csv").open("w", newline="") as file:
        rows = [(p.relative_to(root), p.parent.name, "train") for p in sorted(root.glob("*/*"))]
        rows += [("clap/gone.mp4", "clap", "test"), (shutil.copy(good, tmp_path / "last.mp4"), "wave", "test")]
        csv.writer(file).writerows([("path", "label", "split"), *rows])
    return root


EXPECTED = {"short.mp4": "short", "text.mp4": "unreadable", "empty.avi": "unreadable", "noisy.avi": "damaged"}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_every_kind_of_trouble_is_found(mixed, tmp_path, capsys, workers):
    out = tmp_path / "bad.csv"
    argv = [
        "check",
        str(mixed),
        "--split",
        str(tmp_path / "clips.csv"),
        "--workers",
        workers,
        "--csv",
        str(out),
        "--json",
    ]
    assert main(argv) == 2
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    found = {Path(row["path"]).name: row["problem"] for row in result["bad"]}
    assert {name: found.get(name) for name in (*EXPECTED, "gone.mp4")} == {**EXPECTED, "gone.mp4": "missing"}
    assert {"good.mp4", "also good.mp4"}.isdisjoint(found)
    assert (result["count"], result["checked"]) == (9, 9)
    assert result["per_class"]["clap"] == {"videos": 3, "missing": 1, "unreadable": 0, "short": 1, "damaged": 0}
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{name: str(value) for name, value in row.items()} for row in result["bad"]]
    gone = next(row for row in rows if row["problem"] == "missing")
    assert (gone["part"], gone["label"], gone["path"]) == ("test", "clap", str(mixed / "clap/gone.mp4"))
    assert f"{len(rows)} of 9 videos are bad, in 2 of 2 classes" in printed.err
    assert "has 7 frames, fewer than 16" in printed.err
    with pytest.raises(ValueError, match="names 1 videos that are not there"):
        read_csv(tmp_path / "clips.csv", root=mixed)


def test_a_file_whose_end_is_lost(mixed):
    finding = data_check.check_video(mixed / "wave" / "cut.mkv", frames=16)
    assert finding is not None
    assert finding.problem in ("damaged", "unreadable")


def test_good_data_and_the_number_of_frames(clips, capsys):
    assert main(["check", str(clips), "--frames", "8", "--workers", "0"]) == 0
    assert capsys.readouterr().err.splitlines() == ["15 videos of 3 classes: all good"]
    assert main(["check", str(clips), "--frames", "9", "--workers", "0"]) == 2
    assert "15 of 15 videos are bad" in capsys.readouterr().err


def test_a_published_layout_with_dead_links(tmp_path, capsys):
    root = layouts.kinetics(tmp_path)
    assert main(["check", str(root), "--layout", "kinetics", "--workers", "0", "--json"]) == 2
    printed = capsys.readouterr()
    assert "note: 4 of the 6 videos of the train part are here" in printed.err
    result = json.loads(printed.out)
    assert (result["count"], result["missing"], len(result["bad"])) == (10, 2, 2)
    root = layouts.hmdb51(tmp_path / "hmdb51")
    assert main(["check", str(root), "--layout", "hmdb51", "--splits", "2", "--workers", "0"]) == 0


def test_ctrl_c_gives_what_was_found(mixed, tmp_path, capsys, monkeypatch):
    def interrupted(paths, **_):
        for place, path in enumerate(paths):
            if place == 5:
                raise KeyboardInterrupt
            yield place, data_check.check_video(path, frames=16)

    monkeypatch.setattr(data_check, "check_videos", interrupted)
    assert main(["check", str(mixed), "--csv", str(tmp_path / "bad.csv"), "--json"]) == 130
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-1] == "stopped after 5 of 7 videos"
    assert json.loads(printed.out)["checked"] == 5
    assert "short.mp4" in (tmp_path / "bad.csv").read_text()


def test_mistakes(fails, clips, tmp_path):
    assert "nowhere is not a folder" in fails("check", "nowhere")
    assert "--frames 0; give at least 1" in fails("check", clips, "--frames", "0")
    assert "unknown layout 'ucf101'; choose one of kinetics, ssv2, hmdb51, jhmdb, breakfast" in fails(
        "check", clips, "--layout", "ucf101"
    )
    assert "--splits 2 needs --layout" in fails("check", clips, "--splits", "2")
    assert "--splits 4: hmdb51 has 3" in fails("check", clips, "--layout", "hmdb51", "--splits", "4")
    assert "there is no folder" in fails("check", clips, "--csv", "no/where.csv")
    assert "is a folder; name a file to write" in fails("check", clips, "--csv", clips)
    assert "--workers -1; give at least 0" in fails("check", clips, "--workers", "-1")
    assert "has splits of its own" in fails("check", clips, "--layout", "ssv2", "--split", "a.csv")
