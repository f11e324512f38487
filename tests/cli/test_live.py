"""``videomamba live``: lines for programs, a csv, and what it says."""

import json
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.colours import colour_frames, colour_model
from tests.data.pipes import piped
from tests.data.server import served
from tests.data.videos import shift, write
from videomamba.cli.main import main
from videomamba.locks import locked


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
    with locked(tmp_path / "a.csv", folder=False):
        assert main(words) == 2
    assert "a.csv is being written by another process" in capsys.readouterr().err
    assert (tmp_path / "a.csv").read_text().splitlines() == rows


def test_a_pipe(colours, film, monkeypatch, capsys):
    with piped(film.read_bytes(), monkeypatch):
        assert main(["live", "-", "--checkpoint", str(colours), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["summary"]["frames"] > 10


@pytest.mark.parametrize(
    ("words", "message"),
    [(("film.ts", "--top-k", "0"), "--top-k 0; give at least 1"), (("film.ts", "--hop", "3"), "hop=3; it must be a"),
     (("film.ts", "--out", "a.txt"), "--out a.txt: end it in one of .csv"), (("gone.ts",), "gone.ts does not exist"),
     (("film.ts", "--reconnect", "5"), "--reconnect 5 is for network streams, and film.ts is none; leave it out"),
     (("rtsp://127.0.0.1:1/x", "--reconnect", "-1"), "--reconnect -1; give seconds from 0 (never)"),
     (("rtsp://127.0.0.1:1/x",), "rtsp://127.0.0.1:1/x is not a video that FFmpeg can open: Connection refused")],
)  # fmt: skip
def test_mistakes_are_one_line(colours, film, fails, words, message):
    assert message in fails("live", *words, "--checkpoint", colours)


@pytest.mark.slow
def test_five_minutes_of_a_server_and_a_pipe(colours, film, tmp_path):
    """Memory is flat from the first minute on, the latency below the time between scores, and a restart is survived."""
    seconds, rate = 300, 15
    loop = write(tmp_path / "loop.ts", colour_frames(["red", "blue", "green"], each=10), fps=rate)
    words = [
        sys.executable,
        "-m",
        "videomamba.cli.main",
        "live",
        "--checkpoint",
        str(colours),
        "--json",
        "--device",
        "cpu",
    ]
    with served(loop, "chunked", -2.0) as server:
        files = [(tmp_path / f"{name}.out").open("w") for name in ("server", "pipe")]
        watch = subprocess.Popen([*words, server.url], cwd=tmp_path, stdout=files[0], stderr=subprocess.DEVNULL)
        piped = subprocess.Popen(
            [*words, "-"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=files[1], stderr=subprocess.DEVNULL
        )
        began, sizes, part = time.monotonic(), {}, shifted_parts(loop, tmp_path, count=seconds // 2, seconds=2.0)
        for second in range(0, seconds, 2):
            time.sleep(max(0.0, began + second - time.monotonic()))
            piped.stdin.write(next(part))
            piped.stdin.flush()
            if second == 120:
                server.kill()
            if second == 124:
                server.start()
            if second in (60, seconds - 2):
                sizes[second] = [psutil.Process(p.pid).memory_info().rss for p in (watch, piped)]
        piped.stdin.close()
        assert piped.wait(60) == 0
        watch.send_signal(signal.SIGINT)
        assert watch.wait(60) == 130
    for file in files:
        file.close()
    for name, before, after in zip(("server", "pipe"), sizes[60], sizes[seconds - 2], strict=True):
        *lines, last = map(json.loads, (tmp_path / f"{name}.out").read_text().splitlines())
        summary = last["summary"]
        print(name, summary, f"{before / 2**20:.1f} -> {after / 2**20:.1f} MiB")
        assert abs(after / before - 1) < 0.05
        assert summary["latency_p95_ms"] < 1000
        assert summary["frames"] > 0.9 * (seconds - (10 if name == "server" else 2)) * rate
        assert summary["reconnects"] == (1 if name == "server" else 0)
        assert len(lines) == summary["scores"]


def shifted_parts(loop, folder, *, count, seconds):
    """The bytes of a transport stream that plays on: each part's clock begins where the one before ends."""
    for i in range(count):
        yield shift(loop, folder / "part.ts", round(1000 * seconds * i)).read_bytes()
