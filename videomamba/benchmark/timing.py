"""Clocks and floors: what is compared runs interleaved, and the machine's own rates are measured in the same run."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch


def interleaved(runs: Sequence[Callable[[], object]], device: torch.device, *, seconds: float) -> list[float]:
    """Median seconds of each, taken in turns for about ``seconds`` in all and at least five turns, after a first."""
    times: list[list[float]] = [[] for _ in runs]
    for run in runs:
        run()
    began = time.perf_counter()
    while len(times[0]) < 5 or time.perf_counter() - began < seconds:
        for run, taken in zip(runs, times, strict=True):
            taken.append(_seconds(run, device))
    return [statistics.median(taken) for taken in times]


def _seconds(run: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


@dataclass(frozen=True)
class Rates:
    """What this machine can do, in PyTorch's own operations.

    Attributes:
        bytes_per_second: of copying a tensor too large for the caches, read and written bytes together.
        exponentials_per_second: of ``torch.exp`` on float32; on a CPU in pieces that stay in the cache, on one thread,
            times the number of threads, so that waking them is not counted.
    """

    bytes_per_second: float
    exponentials_per_second: float

    def floor(self, *, moved: int, exponentials: int) -> float:
        """Seconds that neither memory nor arithmetic lets a program undercut, if both run at once."""
        return max(moved / self.bytes_per_second, exponentials / self.exponentials_per_second)


def measure_rates(device: torch.device) -> Rates:
    """The rates of this machine now, at PyTorch's number of threads."""
    on_cpu = device.type == "cpu"
    threads = torch.get_num_threads() if on_cpu else 1
    source = torch.zeros(2**24 if on_cpu else 2**26, device=device)
    target = torch.empty_like(source)
    values = torch.linspace(-5, 0, 2**14 if on_cpu else 2**26, device=device)
    result, repeats = torch.empty_like(values), 64 if on_cpu else 1

    def exponentials() -> None:
        for _ in range(repeats):
            torch.exp(values, out=result)

    (of_copy,) = interleaved([lambda: target.copy_(source)], device, seconds=0.5)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1 if on_cpu else before)
        (of_exp,) = interleaved([exponentials], device, seconds=0.5)
    finally:
        torch.set_num_threads(before)
    return Rates(2 * source.numel() * 4 / of_copy, threads * repeats * values.numel() / of_exp)
