"""The stages that must be right, on a stand-in for the GPU."""

import time

import pytest
import torch

pytest.importorskip("triton")
from tests.benchmark.gpu.test_stages import CPU, done
from videomamba.benchmark.gpu import checks, proofs
from videomamba.benchmark.gpu.plan import SMALL
from videomamba.benchmark.gpu.record import Record


def test_operators(tmp_path, monkeypatch):
    """The checks themselves are those of test_checks."""
    monkeypatch.setattr(checks, "errors", lambda case, device: (0.0, 0.0))
    stage = done(tmp_path, monkeypatch, "operators")
    assert [row["result"] for row in stage["rows"]] == ["right"] * 3


def test_a_wrong_operator_fails_the_stage_and_the_next_is_checked(tmp_path, monkeypatch):
    found = iter([(0.0, 0.0), (1e-3, 0.0), RuntimeError("an illegal memory access was encountered\nat ...")])

    def errors(case, device):
        error = next(found)
        if isinstance(error, Exception):
            raise error
        return error

    monkeypatch.setattr(checks, "errors", errors)
    record = Record(tmp_path, "operators", time.monotonic() + 60)
    proofs.operators(record, CPU, SMALL)
    assert record.failed
    assert [row["result"] for row in record.rows] == ["right", "WRONG"]
    assert record.lines[-1].endswith("an illegal memory access was encountered")


def test_checks_that_were_not_run_are_no_proof(tmp_path):
    record = Record(tmp_path, "operators", time.monotonic() - 1)
    proofs.operators(record, CPU, SMALL)
    assert record.failed
    assert "not run" in record.lines[0]


def test_training(tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda model: model)  # takes minutes here
    stage = done(tmp_path, monkeypatch, "training")
    assert [row["way"] for row in stage["rows"]] == ["float32", "bf16", "bf16, checkpointing", "bf16, compile"]


def test_tools_that_are_missing_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(proofs.shutil, "which", lambda name: None)
    assert "compute-sanitizer is not installed" in done(tmp_path / "a", monkeypatch, "sanitizer")["lines"][0]
    assert "pytest or the checkout's tests" in done(tmp_path / "b", monkeypatch, "tests")["lines"][0]
