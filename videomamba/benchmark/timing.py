"""Clocks and floors: measurements that are compared are interleaved, together with the machine's own rates."""

import statistics
import time
from collections.abc import Callable, Sequence

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


def bytes_per_second(device: torch.device) -> float:
    """Of copying a tensor too large for the caches, read and written bytes together."""
    source = torch.zeros(2**24 if device.type == "cpu" else 2**26, device=device)
    target = torch.empty_like(source)
    (seconds,) = interleaved([lambda: target.copy_(source)], device, seconds=0.5)
    return 2 * source.numel() * source.element_size() / seconds


def exponentials(count: int, device: torch.device) -> Callable[[], None]:
    """A run of ``torch.exp`` over ``count`` float32 values; on a CPU over one thread's share, in pieces for its cache.

    On a CPU it takes as long as all threads would at best, without the cost of waking them.
    """
    on_cpu = device.type == "cpu"
    threads = torch.get_num_threads() if on_cpu else 1
    share = -(-count // threads)
    piece = min(share, 2**17) if on_cpu else count
    values = torch.linspace(-5, 0, piece, device=device)
    result = torch.empty_like(values)
    whole, rest = divmod(share, piece)

    def run() -> None:
        if on_cpu:
            torch.set_num_threads(1)
        try:
            for _ in range(whole):
                torch.exp(values, out=result)
            torch.exp(values[:rest], out=result[:rest])
        finally:
            if on_cpu:
                torch.set_num_threads(threads)

    return run
