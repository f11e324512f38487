"""``videomamba benchmark scan``: red checks stop it, and its table is complete."""

import csv
import dataclasses
import json

import pytest

from tests.benchmark.sizes import CPU, SMALL
from videomamba.benchmark import scan
from videomamba.benchmark.timing import interleaved
from videomamba.cli.main import main
from videomamba.ops.backend import SCANS


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setattr(scan, "WIDTH", 8)
    monkeypatch.setattr(scan, "interleaved", lambda runs, device, seconds: interleaved(runs, device, seconds=0))


def test_every_backend_every_pass(tmp_path, capsys):
    files = {"--csv": tmp_path / "new" / "rows.csv", "--markdown": tmp_path / "rows.md", "--plot": tmp_path / "a.svg"}
    assert main([*SMALL, "--json", *(str(part) for pair in files.items() for part in pair)]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)
    backends = scan.runnable_backends(CPU)
    assert {"torch"} <= set(backends) <= {"torch", "native"}
    assert [(r["backend"], r["directions"], r["what"]) for r in figures["rows"]] == [
        *((name, directions, what) for name in backends for directions in (1, 2) for what in scan.PASSES),
        (scan.PLAIN_LOOP, 1, "forward"),
    ]
    assert set(figures["summary"]) == set(backends)
    for row in figures["rows"]:
        assert row["milliseconds"] == pytest.approx(row["floor"] * row["times_floor"])
        assert row["times_torch"] == pytest.approx(1) or row["backend"] != "torch"
    with files["--csv"].open(newline="") as file:
        assert [float(row["milliseconds"]) for row in csv.DictReader(file)] == [
            row["milliseconds"] for row in figures["rows"]
        ]
    lines = files["--markdown"].read_text().splitlines()
    assert len(lines) == 2 + len(figures["rows"])
    assert all(line.count("|") == lines[0].count("|") for line in lines)
    assert "forward+backward, 2 directions" in files["--plot"].read_text()
    assert "off the reference" in err


def test_a_wrong_backend_has_no_speed(monkeypatch, capsys):
    right = SCANS["torch"].forward

    def wrong(*arguments, **options):
        out, *rest = right(*arguments, **options)
        return out * 1.001, *rest

    monkeypatch.setitem(SCANS, "torch", dataclasses.replace(SCANS["torch"], forward=wrong))
    monkeypatch.setattr(scan, "runnable_backends", lambda device: ["torch"])
    assert main([*SMALL, "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: backend 'torch' is wrong here: its forward differs from the reference by 1.0e-03" in err
    assert "ms" not in err.split()


def test_mistakes(capsys):
    assert main(["benchmark", "scan", "--lengths", "0"]) == 2
    assert "give at least one number, each at least 1" in capsys.readouterr().err
