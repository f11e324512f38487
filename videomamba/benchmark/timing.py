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
        exponentials_per_second: of ``torch.exp`` on float32, in pieces that stay in the cache on a CPU.
    """

    bytes_per_second: float
    exponentials_per_second: float

    def floor(self, *, moved: int, exponentials: int) -> float:
        """Seconds that neither memory nor arithmetic lets a program undercut, if both run at once."""
        return max(moved / self.bytes_per_second, exponentials / self.exponentials_per_second)


def measure_rates(device: torch.device) -> Rates:
    """The rates of this machine now, at PyTorch's number of threads."""
    source = torch.zeros(2**26 if device.type == "cuda" else 2**24, device=device)
    target = torch.empty_like(source)
    pieces = torch.get_num_threads() if device.type == "cpu" else 1
    values = torch.linspace(-5, 0, 2**26 if device.type == "cuda" else pieces * 2**14, device=device)
    result = torch.empty_like(values)
    repeats = 1 if device.type == "cuda" else 64

    def copy() -> None:
        target.copy_(source)

    def exponentials() -> None:
        for _ in range(repeats):
            torch.exp(values, out=result)

    of_copy, of_exp = interleaved([copy, exponentials], device, seconds=1.0)
    return Rates(2 * source.numel() * 4 / of_copy, repeats * values.numel() / of_exp)
