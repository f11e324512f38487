"""``videomamba timeline``: files, films, pipes, and what it says."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.colours import colour_frames, colour_model, write_colours
from tests.data.pipes import piped
from tests.data.videos import write
from videomamba.cli.main import main
from videomamba.locks import locked
from videomamba.models import load_model


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    return colour_model(tmp_path_factory.mktemp("models") / "colours")


@pytest.fixture
def film(tmp_path):
    return write_colours(tmp_path / "film.mp4", ["red", "blue"], each=20)


def run(*words):
    return main([str(word) for word in words])


def test_csv_json_picture_and_film(colours, film, tmp_path, capsys):
    words = ("timeline", film, "--checkpoint", colours, "--stride", 2, "--output", tmp_path / "t")
    assert run(*words, "--out", tmp_path / "film-classes.mp4", "--json") == 0
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert [span["label"] for span in answer["spans"]] == ["red", "blue"]
    assert answer["spans"][1]["start_s"] == pytest.approx(2.0, abs=0.2)
    assert sorted(p.name for p in (tmp_path / "t").iterdir()) == ["film.csv", "film.json", "film.png"]
    assert (tmp_path / "film-classes.mp4").stat().st_size > 1000
    assert "mean probability" in said.err
    before = (tmp_path / "t" / "film.json").read_bytes()
    assert run(*words, "--resume", "--json") == 0
    said = capsys.readouterr()
    assert "film.csv is complete already" in said.err
    assert json.loads(said.out)["spans"] == answer["spans"]
    assert (tmp_path / "t" / "film.json").read_bytes() == before


def test_a_complete_timeline_of_something_else_is_not_taken(colours, film, fails, tmp_path):
    words = ("timeline", film, "--checkpoint", colours, "--output", tmp_path / "t")
    assert run(*words) == 0
    files = {path: path.read_bytes() for path in (tmp_path / "t").iterdir()}
    assert f"--out film-classes.mp4: {tmp_path / 't/film.csv'} is complete" in fails(
        *words, "--resume", "--out", "film-classes.mp4"
    )
    (tmp_path / "other").mkdir()
    other = write_colours(tmp_path / "other" / "film.mp4", ["green"], each=20)
    assert "is of another video" in fails("timeline", other, *words[2:], "--resume")
    renamed = load_model(colours)
    renamed.class_names = ("cat", "dog", "fox")
    renamed.save_pretrained(tmp_path / "renamed")
    again = ("timeline", film, "--checkpoint", tmp_path / "renamed", "--output", tmp_path / "t", "--resume")
    assert "film.csv is of another model" in fails(*again)
    assert {path: path.read_bytes() for path in (tmp_path / "t").iterdir()} == files
    (tmp_path / "t/film.json").write_text("{")
    assert "film.json, which says what it is of" in fails(*words, "--resume")


def test_a_csv_that_another_process_writes_is_refused(colours, film, tmp_path, capsys):
    """Both with --resume, which cuts it where its state was saved."""
    words = ("timeline", film, "--checkpoint", colours, "--output", tmp_path)
    with locked(tmp_path / "film.csv", folder=False):
        for more in ((), ("--resume",)):
            assert run(*words, *more) == 2
            assert "film.csv is being written by another process" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["film.mp4"]


def test_a_pipe(colours, tmp_path, monkeypatch, capsys):
    ts = write(tmp_path / "film.ts", colour_frames(["red", "blue"], each=20), fps=10)
    monkeypatch.chdir(tmp_path)
    with piped(ts.read_bytes(), monkeypatch):
        assert run("timeline", "-", "--checkpoint", colours, "--output", "t") == 0
    with (tmp_path / "t/stdin.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [rows[0]["label"], rows[-1]["label"]] == ["red", "blue"]
    assert float(rows[-1]["end_s"]) == pytest.approx(3.9)
    assert "scores: t/stdin.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [(("-", "--resume"), "--resume: - can be read only once"),
     (("film.mp4", "--reconnect", "5"), "--reconnect 5 is for network streams, and film.mp4 is none; leave it out"),
     (("film.mp4", "--stride", "3"), "stride=3; it must be a multiple of 2"),
     (("film.mp4", "--out", "film.avi"), "--out film.avi: end it in one of .mp4"),
     (("gone.mp4",), "gone.mp4 does not exist"), (("*.mkv",), "*.mkv matches no file"),
     (("folder",), "folder has 2 videos; give one"), (("text.mp4",), "text.mp4 is not a video that FFmpeg can open"),
     (("http://127.0.0.1:1/x",), "http://127.0.0.1:1/x is not a video that FFmpeg can open: Connection refused")],
)  # fmt: skip
def test_mistakes_are_one_line(colours, film, fails, tmp_path, words, message):
    (tmp_path / "folder").mkdir()
    for name in ("1.mp4", "2.mp4"):
        (tmp_path / "folder" / name).touch()
    (tmp_path / "text.mp4").write_text("no video")
    assert message in fails("timeline", *words, "--checkpoint", colours)
    assert not list(tmp_path.glob("timelines/*"))


def test_a_segmenter_is_named(segmenter, film, fails):
    assert "use `videomamba segment`" in fails("timeline", film, "--checkpoint", segmenter)


@pytest.mark.slow
def test_ctrl_c_and_kill_of_a_process_and_resume(colours, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    film = write_colours(tmp_path / "film.mp4", ["red", "blue", "green"] * 20, each=40)
    words = ["timeline", str(film), "--checkpoint", str(colours), "--stride", "2", "--device", "cpu", "--output"]
    rows, state = tmp_path / "part/film.csv", tmp_path / "part/film.csv.resume"
    for stop in (signal.SIGINT, signal.SIGKILL):
        command = [sys.executable, "-m", "videomamba.cli.main", *words, "part", "--resume"]
        child = subprocess.Popen(command, stderr=subprocess.PIPE)
        before = rows.stat().st_size if rows.exists() else 0
        while child.poll() is None and (not rows.exists() or rows.stat().st_size < before + 3000):
            time.sleep(0.01)
        os.kill(child.pid, stop)
        _, said = child.communicate()
        assert state.exists(), "it was stopped on the way"
        assert child.returncode == (130 if stop == signal.SIGINT else -stop)
        assert stop != signal.SIGINT or b"go on with: videomamba timeline" in said
    assert run(*words, "part", "--resume") == 0
    assert run(*words, "whole") == 0
    assert rows.read_bytes() == (tmp_path / "whole/film.csv").read_bytes()
    assert not state.exists()
