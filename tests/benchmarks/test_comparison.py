"""``python -m benchmarks.models``: the table of whole models, what is kept of it and what is said about it."""

import csv
import dataclasses
import json
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from benchmarks.models import speed
from benchmarks.models.__main__ import main
from benchmarks.models.speed import Cell, Row
from videomamba.models import create_model

NANO = Cell("videomamba_nano", 4, 32, "forward", "fp32", "1")
ROW = Row(
    **dataclasses.asdict(NANO), result="ok", tokens=8, clips=1, passes=3, milliseconds=2.5, clips_per_second=400.0
)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def stand_in(monkeypatch):
    """Cells measured without processes: one millisecond per token; what ``fails`` names ends so."""
    asked, fails = [], {}

    def in_turns(cells, settings):
        asked.append(list(cells))
        rows = []
        for cell in cells:
            tokens = speed.video_tokens(cell.frames, cell.size)
            result = fails.get((cell.model, cell.frames), "ok")
            figures = {"milliseconds": float(tokens), "clips_per_second": 1e3 / tokens} if result == "ok" else {}
            rows.append(Row(**dataclasses.asdict(cell), result=result, tokens=tokens, clips=1, **figures))
        return rows

    monkeypatch.setattr(speed, "_in_turns", in_turns)
    return asked, fails


def run(output, *options):
    return main(["speed", "--device", "cpu", "--output", str(output), *options])


@pytest.fixture
def fails(capsys):
    """Runs with these options, which must be refused in one line, and returns it."""

    def run(*argv):
        capsys.readouterr()
        assert main([str(word) for word in argv]) == 2
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        return line

    return run


def rows_of(folder):
    with (folder / "speed.csv").open(newline="") as file:
        return [Row.from_text(row) for row in csv.DictReader(file)]


@pytest.mark.parametrize("passes", [("forward",), pytest.param(("forward", "training"), marks=pytest.mark.slow)])
def test_a_table_of_real_processes(passes, tmp_path, monkeypatch, capsys):
    """The figures are those of the model, and the files say on what machine."""
    monkeypatch.setattr(speed, "Settings", partial(speed.Settings, turn=0.1))
    options = ("--models", "videomamba_nano", "--frames", "4", "--sizes", "32", "--precisions", "fp32")
    assert run(tmp_path, *options, "--passes", *passes, "--patience", "600", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [(row["what"], row["result"]) for row in facts["rows"]] == [(what, "ok") for what in passes]
    for row in facts["rows"]:
        assert row["passes"] >= 3
        assert row["clips_per_second"] == pytest.approx(1e3 / row["milliseconds"])
        assert row["parameters"] == sum(p.numel() for p in create_model(
            "videomamba_nano", num_frames=4, img_size=32, num_classes=400).parameters())  # fmt: skip
        assert 0 < row["peak_mib"] < 2000
    times = [row["milliseconds"] for row in facts["rows"]]
    assert times == sorted(times), "training takes longer"
    assert facts["machine"]["torch"] in (tmp_path / "speed.md").read_text()
    assert json.loads((tmp_path / "machine.json").read_text()) == facts["machine"]
    assert (tmp_path / "speed.png").read_bytes()[:4] == b"\x89PNG"


def test_models_of_one_input_take_turns(stand_in, tmp_path, capsys):
    asked, _ = stand_in
    options = ("--models", "videomamba_nano", "video_swin_t", "--frames", "8", "4", "--sizes", "32", "--json")
    assert run(tmp_path, *options, "--passes", "forward") == 0
    assert [[(c.model, c.frames, c.precision) for c in cells] for cells in asked] == [
        [("videomamba_nano", 4, "fp32"), ("video_swin_t", 4, "fp32")],
        [("videomamba_nano", 4, "bf16"), ("video_swin_t", 4, "bf16")],
        [("videomamba_nano", 8, "fp32"), ("video_swin_t", 8, "fp32")],
        [("videomamba_nano", 8, "bf16"), ("video_swin_t", 8, "bf16")],
    ]
    slopes = json.loads(capsys.readouterr().out)["slopes"]
    assert len(slopes) == 4
    assert all(s["slope"] == pytest.approx(1) for s in slopes)
    assert "| videomamba_nano | forward, fp32, batch 1 | 1.00 | 2 |" in (tmp_path / "speed.md").read_text()


def test_what_is_measured_is_not_measured_again(stand_in, tmp_path, capsys):
    asked, _ = stand_in
    options = (
        "--models",
        "videomamba_nano",
        "--sizes",
        "32",
        "--passes",
        "forward",
        "--precisions",
        "fp32",
        "--frames",
    )
    assert run(tmp_path, *options, "4") == 0
    assert run(tmp_path, *options, "4", "8") == 0
    assert [[c.frames for c in cells] for cells in asked] == [[4], [8]]
    assert "2 cells, 1 of them measured already" in capsys.readouterr().err
    assert [row.frames for row in rows_of(tmp_path)] == [4, 8]


def test_larger_than_what_failed_is_not_run_and_says_so(stand_in, tmp_path):
    asked, fails = stand_in
    fails["videomamba_nano", 8] = speed.MEMORY
    options = ("--sizes", "32", "64", "--passes", "forward", "--precisions", "fp32")
    assert run(tmp_path, "--models", "videomamba_nano", "video_swin_t", "--frames", "4", "8", "16", *options) == 0
    ran = {(c.model, c.frames, c.size) for cells in asked for c in cells}
    assert ("video_swin_t", 16, 64) in ran
    assert ("videomamba_nano", 4, 64) in ran, "fewer frames may fit"
    assert not {("videomamba_nano", 16, 32), ("videomamba_nano", 8, 64)} & ran
    results = {(r.frames, r.size): r.result for r in rows_of(tmp_path) if r.model == "videomamba_nano"}
    assert results[8, 32] == "out of memory"
    assert results[16, 64] == "out of memory at 8 x 32 already"


def test_rows_survive_their_file(tmp_path):
    from videomamba.tables import write_csv

    failed = Row(**dataclasses.asdict(NANO), result="out of memory", tokens=8)
    write_csv(tmp_path / "speed.csv", [dataclasses.asdict(row) for row in (ROW, failed)])
    assert rows_of(tmp_path) == [ROW, failed]


def test_another_machines_table_is_left_alone(stand_in, tmp_path, capsys):
    options = ("--models", "videomamba_nano", "--sizes", "32", "--frames", "4")
    assert run(tmp_path, *options) == 0
    facts = json.loads((tmp_path / "machine.json").read_text())
    (tmp_path / "machine.json").write_text(json.dumps(facts | {"processor": "abacus"}))
    before = (tmp_path / "speed.csv").read_bytes()
    capsys.readouterr()
    assert run(tmp_path, *options) == 2
    assert "was measured elsewhere (processor abacus there" in capsys.readouterr().err
    assert (tmp_path / "speed.csv").read_bytes() == before


def test_without_transformers_its_models_are_left_out(stand_in, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.models.peers.find_spec", lambda name: None)
    asked, _ = stand_in
    assert run(tmp_path, "--sizes", "32", "--frames", "4") == 0
    assert {c.model for cells in asked for c in cells} == {"videomamba_small", "video_swin_t"}
    (line,) = re.findall(".*transformers is not installed.*", capsys.readouterr().err.replace("\n", " "))
    line = " ".join(line.split())
    assert "vivit, timesformer, videomae_s: pip install 'transformers>=5'" in line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--models", "resnet"), "unknown model resnet; choose among videomamba_small, video_swin_t"),
        (("--frames", "0"), "--frames 0: give at least one number, each a multiple of 2"),
        (("--sizes", "100"), "--sizes 100: give at least one number, each a multiple of 16"),
        (("--batches", "0"), "--batches 0: give a number of clips above 0, or largest"),
        (("--patience", "-1"), "--patience -1.0: give a number of seconds above 0"),
    ],
)
def test_mistakes(options, said, fails, tmp_path):
    assert said in fails("speed", "--output", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_operations_of_ours_and_of_a_peer(tmp_path, capsys):
    argv = ["operations", "--models", "videomamba_small", "video_swin_t", "--frames", "32", "--sizes", "112", "224"]
    assert main([*argv, "--csv", str(tmp_path / "a.csv"), "--markdown", str(tmp_path / "a.md"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(r["model"], r["size"]) for r in rows] == [
        (name, size) for size in (112, 224) for name in ("videomamba_small", "video_swin_t")
    ]
    assert rows[3]["multiply_adds"] / 1e9 == pytest.approx(88, rel=0.01)
    assert (tmp_path / "a.md").read_text().splitlines()[-1] == "| 32 | 224 | 3,136 | 78.2 | 87.8 |"
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [int(row["parameters"]) for row in csv.DictReader(file)] == [row["parameters"] for row in rows]


def test_a_broken_table_is_said_to_be(fails, tmp_path, stand_in):
    assert run(tmp_path / "a", "--models", "videomamba_nano", "--sizes", "32", "--frames", "4") == 0
    (tmp_path / "a" / "speed.csv").write_text("a,b\n1,2\n")
    assert "is no table of this command" in fails("speed", "--output", tmp_path / "a", "--device", "cpu")


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_measured_and_leaves_no_process(tmp_path):
    argv = [sys.executable, "-m", "benchmarks.models", "speed", "--models", "videomamba_nano",
            "--frames", "4", "128", "--sizes", "32", "448", "--passes", "forward", "--precisions", "fp32",
            "--output", str(tmp_path), "--device", "cpu"]  # fmt: skip
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "speed.csv").is_file():
        time.sleep(0.1)
    time.sleep(3)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert children
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert rows_of(tmp_path)[0].result == "ok"
