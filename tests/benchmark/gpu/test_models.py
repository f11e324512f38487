"""Whole blocks, models and predicting, on a stand-in for the GPU."""

import dataclasses
import sys
import time

import pytest
import torch

from tests.benchmark.gpu.test_stages import CPU, done
from videomamba.benchmark.gpu import models
from videomamba.benchmark.gpu.plan import SMALL
from videomamba.benchmark.gpu.record import Record


def test_blocks(tmp_path, monkeypatch):
    rows = done(tmp_path, monkeypatch, "blocks")["rows"]
    assert [row["dtype"] for row in rows] == ["bfloat16", "float32"]
    assert all(row["gradient ms"] > row["forward ms"] > 0 < row["device forward ms"] for row in rows)


def test_models_take_turns_and_missing_ones_are_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "_made", lambda module, name, frames, size: torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(3 * frames * size * size, 400)))  # fmt: skip
    monkeypatch.setitem(sys.modules, "transformers", None)  # it cannot be imported
    plan = dataclasses.replace(SMALL, models=("videomamba_tiny", "videomae_s"))
    record = Record(tmp_path, "models", time.monotonic() + 60)
    models.models(record, CPU, plan)
    assert record.lines == ["videomae_s is not timed: import of transformers halted; None in sys.modules"]
    assert [(row["dtype"], row["pass"]) for row in record.rows] == [
        (dtype, what) for dtype in ("bfloat16", "float32") for what in ("forward", "training")
    ]


def test_a_model_that_no_graph_takes_is_a_line_and_others_are_timed(tmp_path, monkeypatch):
    def on_device(runs, device, *, seconds):
        if calls.append(1) or len(calls) % 2:
            raise RuntimeError("Cannot copy between CPU and CUDA tensors\nduring CUDA graph capture")
        return [0.25]

    calls = []
    monkeypatch.setattr(models, "on_device", on_device)
    record = Record(tmp_path, "blocks", time.monotonic() + 60)
    models.blocks(record, CPU, SMALL)
    why = "no CUDA graph of it: Cannot copy between CPU and CUDA tensors"
    assert record.lines == [f"device forward ms: {why}"] * 2
    assert [(row["device forward ms"], row["device gradient ms"]) for row in record.rows] == [(None, 250.0)] * 2


def test_what_is_late_is_said(tmp_path):
    record = Record(tmp_path, "blocks", time.monotonic() - 1)
    models.blocks(record, CPU, SMALL)
    assert record.lines == ["out of time: larger ones were not timed"]
    assert not record.rows


def test_out_of_memory_is_a_line(tmp_path, monkeypatch):
    def out_of_memory(*arguments, **options):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(models, "interleaved", out_of_memory)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    record = Record(tmp_path, "blocks", time.monotonic() + 60)
    models.blocks(record, CPU, SMALL)
    assert all(line.endswith("out of memory") for line in record.lines)
    assert len(record.lines) == 2


@pytest.mark.slow
def test_predict(tmp_path, monkeypatch):
    (row,) = done(tmp_path, monkeypatch, "predict")["rows"]
    assert row["videos"] == 1
    assert row["predict_clips_per_second"] > 0
