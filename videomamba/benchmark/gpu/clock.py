"""Seconds on the device alone: CUDA graphs, replayed in turns, without what the host takes to launch."""

import statistics
import time
from collections.abc import Callable, Sequence

import torch

from videomamba.benchmark.timing import interleaved

_WORTH = 2e-3  # seconds of one measurement, in as many replays as that takes


def on_device(runs: Sequence[Callable[[], object]], device: torch.device, *, seconds: float) -> list[float]:
    """Median seconds of each, taken in turns for about ``seconds`` in all and at least five turns.

    On a device without CUDA graphs these are seconds of calls, as :func:`.interleaved` takes them.
    """
    if device.type != "cuda":
        return interleaved(runs, device, seconds=seconds)
    graphs = [_captured(run) for run in runs]
    repeats = [max(1, round(_WORTH / _replayed(graph, 1))) for graph in graphs]
    times: list[list[float]] = [[] for _ in runs]
    began = time.perf_counter()
    while len(times[0]) < 5 or time.perf_counter() - began < seconds:
        for graph, repeat, taken in zip(graphs, repeats, times, strict=True):
            taken.append(_replayed(graph, repeat))
    return [statistics.median(taken) for taken in times]


def _captured(run: Callable[[], object]) -> torch.cuda.CUDAGraph:
    """What a call launches; after calls that compile and choose."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(2):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    graph.replay()
    return graph


def _replayed(graph: torch.cuda.CUDAGraph, repeat: int) -> float:
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(repeat):
        graph.replay()
    end.record()
    torch.cuda.synchronize()
    return float(begin.elapsed_time(end)) / 1e3 / repeat
