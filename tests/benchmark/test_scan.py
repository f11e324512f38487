"""The benchmark of the scan: floors follow from counts, summaries from times."""

import pytest
import torch

from tests.benchmark.sizes import CPU
from videomamba.benchmark import scan
from videomamba.benchmark.timing import interleaved
from videomamba.ops.native import library
from videomamba.ops.scan.api import directional_scan


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setattr(scan, "WIDTH", 8)
    monkeypatch.setattr(scan, "interleaved", lambda runs, device, seconds: interleaved(runs, device, seconds=0))


def test_the_floor_counts_bytes():
    moved = scan._bytes(2, 10, 1, backward=False)
    assert moved == 4 * 2 * 10 * (8 + 8 + 16 + 16 + 8 + 8)
    assert scan._bytes(2, 10, 1, backward=True) == 3 * moved - 4 * 2 * 10 * 8


@pytest.mark.parametrize(("what", "parts"), [("forward", ["forward"]), ("forward+backward", ["forward", "backward"])])
def test_the_recurrence_of_every_channel_and_token(what, parts, monkeypatch):
    if not library.available()[0]:
        pytest.skip("no compiled kernels here")
    ran = []
    monkeypatch.setattr(library.Kernels, "run_floor", lambda self, *given: ran.append(given))
    scan._recurrence(100, CPU, what)()
    assert ran == [(part, 100 * 8 // library.best().lanes, 16, torch.get_num_threads()) for part in parts]


def test_without_kernels_exponentials_take_their_place(monkeypatch):
    counts = []
    monkeypatch.setattr(library, "available", lambda: (False, "not compiled"))
    monkeypatch.setattr(scan, "exponentials", lambda count, device: counts.append(count))
    for what in scan.PASSES:
        scan._recurrence(100, CPU, what)
    assert counts == [100 * 8 * 16, 2 * 100 * 8 * 16]


def test_the_plain_loop_is_a_scan():
    (direction,), z = scan._draw(2, 100, 12, CPU, directions=1)
    want, _ = directional_scan(direction, z, delta_softplus=True, backend="reference")
    torch.testing.assert_close(scan.plain_loop(direction, z, steps=16), want, rtol=1e-4, atol=1e-5)


def test_summary_of_known_times():
    rows = [
        scan.Row("native", directions, 1, length, what, ms * length / 10, 1.0, 1.0, 1.0, 1.0, 1.0)
        for length in (10, 100, 1000)
        for directions, what, ms in ((1, "forward", 2), (1, "forward+backward", 6), (2, "forward", 3))
    ]
    expected = {"backward_over_forward": 2.0, "two_over_one": 1.5, "slope": 1.0}
    assert scan.summary(rows)["native"] == pytest.approx(expected)
