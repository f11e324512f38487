"""``videomamba live``: lines for programs, a csv, and what it says."""

import json
import subprocess
import sys

import pytest

from tests.colours import colour_frames, colour_model
from tests.data.videos import write
from videomamba.cli.main import main


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    return colour_model(tmp_path_factory.mktemp("models") / "colours")


@pytest.fixture
def film(tmp_path):
    return write(tmp_path / "film.ts", colour_frames(["red", "blue"], each=12), fps=25)


def test_lines_of_json_and_a_csv(colours, film, tmp_path, capsys):
    words = ["live", str(film), "--checkpoint", str(colours), "--top-k", "2", "--out", str(tmp_path / "a.csv")]
    assert main([*words, "--json"]) == 0
    said = capsys.readouterr()
    *lines, last = map(json.loads, said.out.splitlines())
    assert lines[0]["top"][0]["label"] == "red"
    assert lines[-1]["top"][0]["label"] == "blue"
    assert len(lines[0]["top"]) == 2
    assert last["summary"]["scores"] == len(lines)
    rows = (tmp_path / "a.csv").read_text().splitlines()
    assert rows[0] == "time_s,label,score,blue,green,red"
    assert len(rows) == len(lines) + 1
    assert "a score every 2 frames (0.08 s), of the last 4 frames (0.16 s)" in said.err
    assert "red" in said.err


def test_a_pipe_in_another_process(colours, film, tmp_path):
    words = [sys.executable, "-m", "videomamba.cli.main", "live", "-", "--checkpoint", str(colours), "--json"]
    done = subprocess.run(words, input=film.read_bytes(), cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["summary"]["frames"] > 10


@pytest.mark.parametrize(
    ("words", "message"),
    [(("film.ts", "--top-k", "0"), "--top-k 0; give at least 1"), (("film.ts", "--hop", "3"), "hop=3; it must be a"),
     (("film.ts", "--out", "a.txt"), "--out a.txt: end it in one of .csv"), (("gone.ts",), "gone.ts does not exist"),
     (("rtsp://127.0.0.1:1/x",), "rtsp://127.0.0.1:1/x is not a video that FFmpeg can open: Connection refused")],
)  # fmt: skip
def test_mistakes_are_one_line(colours, film, fails, words, message):
    assert message in fails("live", *words, "--checkpoint", colours)
