"""The benchmark of the scan: red checks stop it, its table is complete, and floors follow from counts."""

import csv
import json

import pytest
import torch

from videomamba.benchmark import scan
from videomamba.benchmark.timing import Rates, interleaved
from videomamba.cli.main import main

CPU = torch.device("cpu")
SMALL = ("benchmark", "scan", "--lengths", "9", "--device", "cpu")


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setattr(scan, "WIDTH", 8)
    monkeypatch.setattr(scan, "interleaved", lambda runs, device, seconds: interleaved(runs, device, seconds=0))


def test_every_backend_every_pass(tmp_path, capsys):
    files = {"--csv": tmp_path / "new" / "rows.csv", "--markdown": tmp_path / "rows.md"}
    assert main([*SMALL, "--json", *(str(part) for pair in files.items() for part in pair)]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)
    backends = scan.runnable_backends(CPU)
    assert {"torch"} <= set(backends) <= {"torch", "native"}
    assert [(r["backend"], r["directions"], r["what"]) for r in figures["rows"]] == [
        (backend, directions, what)
        for directions in (1, 2)
        for what in ("forward", "forward+backward")
        for backend in backends
    ]
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
    assert "off the reference" in err


def test_a_wrong_backend_has_no_speed(monkeypatch, capsys):
    from videomamba.ops.scan import torch_backend

    right = torch_backend.forward

    def wrong(*arguments, **options):
        out, *rest = right(*arguments, **options)
        return out * 1.001, *rest

    monkeypatch.setattr(torch_backend, "forward", wrong)
    monkeypatch.setattr(scan, "runnable_backends", lambda device: ["torch"])
    assert main([*SMALL, "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: backend 'torch' is wrong here: its forward differs from the reference by 1.0e-03" in err
    assert "ms" not in err.split()


def test_the_floor_counts_bytes_and_exponentials():
    rates = Rates(bytes_per_second=1e9, exponentials_per_second=1e9)
    assert rates.floor(moved=2_000_000, exponentials=1_000_000) == pytest.approx(2e-3)
    assert rates.floor(moved=2, exponentials=1_000_000) == pytest.approx(1e-3)
    one = scan._work(2, 10, 1, backward=False)
    assert one["exponentials"] == 2 * 10 * 8 * 16
    assert one["moved"] == 4 * 2 * 10 * (8 + 8 + 16 + 16 + 8 + 8)
    assert scan._work(2, 10, 2, backward=True)["exponentials"] == 4 * one["exponentials"]


def test_mistakes(capsys):
    assert main(["benchmark", "scan", "--lengths", "0"]) == 2
    assert "give at least one number, each at least 1" in capsys.readouterr().err
