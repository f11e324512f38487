"""The device's rates and what a scan cannot do without."""

import pytest
import torch

pytest.importorskip("triton")
from videomamba.benchmark.gpu.rates import Rates, measured, scan_work


def test_rates_are_measured_on_the_stand_in(stand_in, monkeypatch):
    monkeypatch.setattr("videomamba.benchmark.gpu.rates.bytes_per_second", lambda device: 1e9)
    found = measured(torch.device("cpu"), programs=1, repeat=1, seconds=0.01)
    assert found.special_functions > 0
    assert found.multiply_adds > 0
    assert found.bytes == 1e9


def test_work_by_hand():
    """Two directions of B 64, L 1569, D 768, N 16 in bfloat16: 2.5 G exponentials, 10 G multiply-adds, 0.94 GB."""
    work = scan_work(64, 1569, 2, directions=2, backward=False)
    assert work.special_functions == 2 * 64 * 1569 * 768 * 16 == 2_467_823_616
    assert work.multiply_adds == 4 * work.special_functions
    assert work.bytes == 64 * 1569 * 2 * (6 * 768 + 4 * 16)
    assert work.seconds(Rates(1e12, 1e12, 1e12))["multiply_adds"] == pytest.approx(9.87e-3, rel=1e-3)
    gradient = scan_work(64, 1569, 2, directions=2, backward=True)
    assert gradient.bytes == 64 * 1569 * 2 * (11 * 768 + 8 * 16)
