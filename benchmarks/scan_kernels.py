"""The scan's C++ kernels of every instruction set that this CPU has, each beside its floor, in turns.

    python benchmarks/scan_kernels.py [LENGTH ...]

One clip, 768 channels, 16 states, float32, with gate, skip connection and softplus, into memory that is there already,
as a model's blocks call them: nothing is allocated, and what checking the arguments of the public functions takes (0.1
to 0.2 ms) is not in it. The floor is the recurrence alone on data in the first-level cache. A pass and its floor take
turns; times are medians, and so are the ratios of a turn.
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from unittest import mock

import torch
from torch import Tensor

from videomamba.benchmark.scan import STATES, WIDTH
from videomamba.machine import machine_line
from videomamba.memory import keep_freed_memory
from videomamba.ops import ScanDirection
from videomamba.ops.native import library
from videomamba.ops.scan import native
from videomamba.tables import as_markdown

TURNS = 40
Run = Callable[[], object]


def passes(directions: list[ScanDirection], z: Tensor) -> dict[str, Run]:
    """Forward, and backward alone."""
    count, like = len(directions), directions[0].u
    out, again, grad_z, pull = (torch.randn_like(like) for _ in range(4))
    room = list(torch.empty(2 * count, *like.shape).unbind())
    saved = native.forward(directions, z, delta_softplus=True, save=True, last=False)[2]
    places = {"out": again, "grad_z": grad_z, "room": room}
    return {
        "forward": partial(native.forward, directions, z, delta_softplus=True, last=False, out=out),
        "backward": partial(native.backward, directions, z, saved, pull, [None] * count, delta_softplus=True, **places),
    }


def draw(length: int) -> tuple[list[ScanDirection], Tensor]:
    """Two directions and their gate."""
    A = -torch.arange(1.0, STATES + 1).expand(WIDTH, STATES).contiguous()
    skip, bias = torch.ones(WIDTH), torch.full((WIDTH,), -4.0)
    both = [
        ScanDirection(
            *(torch.randn(1, length, WIDTH) for _ in range(2)),
            A,
            *(torch.randn(1, length, 1, STATES) for _ in range(2)),
            skip,
            bias,
            reverse=reverse,
        )
        for reverse in (False, True)
    ]
    return both, torch.randn(1, length, WIDTH)


HEAD = ("kernels", "L", "directions", "pass", "ms", "floor ms", "x floor", "x forward")


def measure(variant: str, length: int, count: int) -> list[list[str]]:
    """Rows of one instruction set, length and number of directions."""
    kernels, (directions, z) = library.load(variant), draw(length)
    steps, threads = count * length * WIDTH // kernels.lanes, torch.get_num_threads()
    rows, forward = [], 0.0
    with mock.patch.object(library, "best", return_value=kernels):
        for what, run in passes(directions[:count], z).items():
            own, floor = in_turns(run, partial(kernels.run_floor, what, steps, STATES, threads))
            middle = statistics.median(own)
            forward = forward or middle
            ratio = statistics.median(a / b for a, b in zip(own, floor, strict=True))
            times = [f"{1e3 * each:.2f}" for each in (middle, statistics.median(floor))]
            rows.append([variant, f"{length:,}", str(count), what, *times, f"{ratio:.2f}", f"{middle / forward:.2f}"])
    return rows


def in_turns(*runs: Run) -> list[list[float]]:
    """Seconds of each, after two turns that do not count."""
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(TURNS + 2):
        for times, run in zip(taken, runs, strict=True):
            began = time.perf_counter()
            run()
            times.append(time.perf_counter() - began)
    return [times[2:] for times in taken]


def main(lengths: list[int]) -> None:
    keep_freed_memory()
    print(machine_line("cpu"))
    rows = [
        row
        for variant in library.variants()
        if variant != "portable"
        for length in lengths
        for count in (1, 2)
        for row in measure(variant, length, count)
    ]
    print(as_markdown(HEAD, rows))


if __name__ == "__main__":
    main([int(length) for length in sys.argv[1:]] or [400, 1569, 12552])
