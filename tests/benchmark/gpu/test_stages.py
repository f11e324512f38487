"""Every stage, on a stand-in for the GPU."""

import json
import time

import pytest
import torch

pytest.importorskip("triton")
from videomamba.benchmark.gpu.plan import SMALL
from videomamba.benchmark.gpu.record import Record
from videomamba.benchmark.gpu.stages import SHARES, STAGES, run
from videomamba.errors import UserError

CPU = torch.device("cpu")


def done(tmp_path, monkeypatch, name: str, *, seconds: float = 600.0):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("videomamba.benchmark.gpu.rates.bytes_per_second", lambda device: 1e9)
    run(name, Record(tmp_path / "out", name, time.monotonic() + seconds), CPU, SMALL)
    (stage,) = json.loads((tmp_path / "out" / "gpu.json").read_text())["stages"]
    assert (stage["done"], stage["failed"]) == (True, False), stage["lines"]
    return stage


def test_every_stage_has_a_share_of_the_time():
    assert [*SHARES] == [*STAGES]
    assert sum(SHARES.values()) <= 540


def test_an_unknown_stage_is_named(tmp_path):
    with pytest.raises(UserError, match="unknown stage 'speed'; choose among operators, training"):
        run("speed", Record(tmp_path, "speed", 0.0), CPU, SMALL)


def test_a_missing_package_is_a_line(tmp_path, monkeypatch):
    def missing(record, device, plan):
        raise ModuleNotFoundError("No module named 'torchvision'")

    monkeypatch.setitem(STAGES, "blocks", missing)
    stage = done(tmp_path, monkeypatch, "blocks")
    assert stage["lines"] == ["not run from here on: No module named 'torchvision'"]
