"""The one command: on a machine without a GPU one line; its stages, its time and its exit status."""

import itertools
import json
import sys
import time

import pytest
import torch

pytest.importorskip("triton")
from videomamba.benchmark.gpu import __main__ as command


def test_without_a_gpu_one_line_and_status_2(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert command.main(["--output", str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("error: no GPU that PyTorch can use; run this on a machine with")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def with_a_gpu(monkeypatch):
    monkeypatch.setattr(command, "gpu", lambda: torch.device("cpu"))


STAGE = """
import sys, time
from pathlib import Path
from videomamba.benchmark.gpu.record import Record
name, folder, seconds = sys.argv[1:]
record = Record(Path(folder), name, time.monotonic() + float(seconds))
record.row(seconds=float(seconds))
if name == "training":
    raise SystemExit("an illegal memory access")
if name == "scans":
    time.sleep(600)
record.finish()
"""


def has_row(file):
    return file.is_file() and bool(json.loads(file.read_text())["rows"])


def test_stages_run_apart_and_what_they_break_or_hold_ends_with_them(tmp_path, with_a_gpu, monkeypatch, capfd):
    """One fails, one hangs, the others are whole; the report has all of them."""
    real = command.subprocess.Popen

    def popen(arguments, **options):
        if "--stage" not in arguments:  # what describes the machine
            return real(arguments, **options)
        values = dict(itertools.pairwise(arguments))
        own = [values["--stage"], values["--output"], values["--seconds"]]
        process = real([sys.executable, "-c", STAGE, *own], **options)
        wait = process.wait

        def wait_for_its_row(timeout=None):
            """The time of the one that hangs is over as soon as it has its row."""
            if timeout is None or values["--stage"] != "scans":
                return wait(timeout)
            while process.poll() is None and not has_row(output / "stages" / "scans.json"):
                time.sleep(0.05)
            return wait(0.1)

        process.wait = wait_for_its_row
        return process

    monkeypatch.setattr(command.subprocess, "Popen", popen)
    output = tmp_path / "out"
    stages = ["operators", "training", "scans"]
    assert command.main(["--output", str(output), "--seconds", "15", "--stages", *stages]) == 1
    found = json.loads((output / "gpu.json").read_text())
    assert [(stage["stage"], stage["done"]) for stage in found["stages"]] == [
        ("operators", True), ("training", False), ("scans", False)
    ]  # fmt: skip
    assert found["machine"]["triton"]
    shares = [stage["rows"][0]["seconds"] for stage in found["stages"]]
    assert 0 < shares[0] < shares[2], "what is left goes to the last"
    said = capfd.readouterr().out
    assert "[scans] ended: it was late" in said
    assert "not as it should be: training, scans" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stages", "speed"], "unknown stage speed; choose among operators"),
        (["--seconds", "0"], "--seconds 0: give a number above 0"),
    ],
)
def test_wrong_options(arguments, message, with_a_gpu, tmp_path, capsys):
    assert command.main(["--output", str(tmp_path / "out"), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_run_is_kept(with_a_gpu, tmp_path, capsys):
    (tmp_path / "gpu.json").write_text("{}")
    assert command.main(["--output", str(tmp_path)]) == 2
    assert "has a gpu.json already; name another --output" in capsys.readouterr().err


def test_a_stage_that_fails_keeps_its_line_and_shows_its_traceback(with_a_gpu, tmp_path, monkeypatch):
    def fail(name, record, device, plan):
        raise RuntimeError("an illegal memory access was encountered\nCUDA kernel errors ...")

    monkeypatch.setattr("videomamba.benchmark.gpu.stages.run", fail)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        command.main(["--output", str(tmp_path), "--stage", "scans"])
    assert "RuntimeError: an illegal memory access was encountered" in (tmp_path / "gpu.md").read_text()


def test_the_sanitized_checks_say_right_or_wrong(with_a_gpu, monkeypatch):
    monkeypatch.setattr("videomamba.benchmark.gpu.checks.errors", lambda case, device: (0.0, 0.0))
    assert command.main(["--sanitized"]) == 0
    monkeypatch.setattr("videomamba.benchmark.gpu.checks.errors", lambda case, device: (1.0, 0.0))
    assert command.main(["--sanitized"]) == 1


def test_without_pytorch_one_line(monkeypatch, capsys):
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    assert command.main([]) == 2
    assert "has no PyTorch: run this where PyTorch's build for a GPU is installed" in capsys.readouterr().err
