"""Real processes: what ends them is a result."""

import dataclasses
import os
import signal

import pytest

from benchmarks.models import speed
from benchmarks.models.speed import Cell, Settings, Worker

NANO = Cell("videomamba_nano", 4, 32, "forward", "fp32", "1")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.parametrize(
    ("cell", "settings", "result"),
    [
        pytest.param(
            dataclasses.replace(NANO, batch="65536"),
            Settings("cpu", 60, memory=2**30),
            speed.MEMORY,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            dataclasses.replace(NANO, frames=128, size=448),
            Settings("cpu", 0.05),
            speed.PATIENCE,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            dataclasses.replace(NANO, frames=2),
            Settings("cpu", 60),
            "failed: num_frames=2 must be divisible by",
            marks=pytest.mark.slow,
        ),
    ],
    ids=["memory", "patience", "impossible"],
)
def test_what_a_cell_dies_of_is_its_result(cell, settings, result):
    (row,) = speed._in_turns([cell], settings)
    assert row.result.startswith(result)
    assert row.milliseconds is None


def test_a_killed_process_is_out_of_memory():
    worker = Worker(NANO, Settings("cpu", 60))
    try:
        worker.await_start()
        worker.set_batch()
        os.kill(worker._process.pid, signal.SIGKILL)  # as the kernel does where memory is short
        worker.take_turn()
        assert worker.row().result == speed.MEMORY
    finally:
        worker.close()


@pytest.mark.slow
def test_the_largest_batch_is_one_that_ran():
    settings = Settings("cpu", 12, rounds=1, turn=0.0, memory=2**31)
    (row,) = speed._in_turns([dataclasses.replace(NANO, model="videomamba_tiny", size=160, batch="largest")], settings)
    assert row.result == "ok"
    assert 1 < row.clips <= 4096
    assert row.clips & (row.clips - 1) == 0
    assert row.clips_per_second == pytest.approx(1e3 * row.clips / row.milliseconds)
