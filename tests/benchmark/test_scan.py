"""The benchmark of the scan: floors follow from counts, summaries from times."""

import pytest
import torch

from tests.benchmark.sizes import CPU
from videomamba.benchmark import scan
from videomamba.benchmark.timing import interleaved
from videomamba.ops.scan.api import directional_scan


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setattr(scan, "WIDTH", 8)
    monkeypatch.setattr(scan, "interleaved", lambda runs, device, seconds: interleaved(runs, device, seconds=0))


def test_the_floor_counts_bytes_and_exponentials():
    moved, exps = scan._least_work(2, 10, 1, backward=False)
    assert exps == 2 * 10 * 8 * 16
    assert moved == 4 * 2 * 10 * (8 + 8 + 16 + 16 + 8 + 8)
    assert scan._least_work(2, 10, 2, backward=True)[1] == 4 * exps


def test_the_plain_loop_is_a_scan():
    (direction,), z = scan._draw(2, 100, 12, CPU, directions=1)
    want, _ = directional_scan(direction, z, delta_softplus=True, backend="reference")
    torch.testing.assert_close(scan.plain_loop(direction, z, steps=16), want, rtol=1e-4, atol=1e-5)


def test_summary_of_known_times():
    rows = [
        scan.Row("native", directions, 1, length, what, ms * length / 10, 1.0, 1.0, 1.0)
        for length in (10, 100, 1000)
        for directions, what, ms in ((1, "forward", 2), (1, "forward+backward", 6), (2, "forward", 3))
    ]
    expected = {"backward_over_forward": 2.0, "two_over_one": 1.5, "slope": 1.0}
    assert scan.summary(rows)["native"] == pytest.approx(expected)
