"""The scan in the model's layout, in mamba-ssm's, and with constant B and C, beside the recurrence alone.

    python benchmarks/scan_layouts.py [LENGTH ...]

One clip, 768 channels, 16 states, float32, with gate, skip connection and softplus; medians of turns.
"""

import sys
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from videomamba.benchmark.scan import STATES, WIDTH
from videomamba.benchmark.timing import interleaved
from videomamba.machine import machine_line
from videomamba.memory import keep_freed_memory
from videomamba.ops import ScanDirection, bidirectional_scan, selective_scan
from videomamba.ops.native import library
from videomamba.ops.scan.api import directional_scan

Run = Callable[[], object]


def passes(scan: Callable[..., Tensor], *inputs: Tensor) -> tuple[Run, Run]:
    """Forward without gradients, and forward and backward."""
    leaves = [x.detach().requires_grad_() for x in inputs]
    pull = torch.ones_like(scan(*inputs))

    def forward() -> None:
        with torch.inference_mode():
            scan(*inputs)

    return forward, lambda: torch.autograd.grad(scan(*leaves), leaves, pull)


def runs(length: int) -> dict[str, tuple[Run, Run]]:
    skip, bias = torch.ones(WIDTH), torch.full((WIDTH,), -4.0)
    u, delta, z = (torch.randn(1, length, WIDTH) for _ in range(3))
    B, C = (torch.randn(1, length, STATES) for _ in range(2))
    fixed_B, fixed_C = (torch.randn(WIDTH, STATES) for _ in range(2))
    A = -torch.arange(1.0, STATES + 1).expand(WIDTH, STATES).contiguous()

    def one(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, z: Tensor) -> Tensor:
        return directional_scan(ScanDirection(u, delta, A, B, C, skip, bias), z, delta_softplus=True)[0]

    def two(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, z: Tensor) -> Tensor:
        direction = ScanDirection(u, delta, A, B, C, skip, bias)
        return bidirectional_scan(direction, direction, z)

    def stock(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, z: Tensor) -> Tensor:
        out = selective_scan(u, delta, A, B, C, skip, z, bias, delta_softplus=True)
        assert isinstance(out, Tensor)
        return out

    kernels, threads = library.best(), torch.get_num_threads()

    def floor(*parts: str) -> None:
        for part in parts:
            kernels.run_floor(part, length * WIDTH // kernels.lanes, STATES, threads)

    last = [x.transpose(1, 2).contiguous() for x in (u, delta, z, B, C)]
    return {
        "recurrence alone": (partial(floor, "forward"), partial(floor, "forward", "backward")),
        "(B, L, D)": passes(one, u, delta, A, B, C, z),
        "(B, L, D), two directions": passes(two, u, delta, A, B, C, z),
        "(B, D, L)": passes(stock, last[0], last[1], A, last[3], last[4], last[2]),
        "(B, D, L), constant B": passes(stock, last[0], last[1], A, fixed_B, last[4], last[2]),
        "(B, D, L), constant B and C": passes(stock, last[0], last[1], A, fixed_B, fixed_C, last[2]),
    }


def main(lengths: list[int]) -> None:
    keep_freed_memory()
    print(machine_line("cpu"), library.best().name)
    for length in lengths:
        given = runs(length)
        flat = [run for pair in given.values() for run in pair]
        times = iter(interleaved(flat, torch.device("cpu"), seconds=5))
        for name in given:
            print(f"L {length}, {name}: forward {1e3 * next(times):.2f} ms, with gradients {1e3 * next(times):.2f} ms")


if __name__ == "__main__":
    main([int(length) for length in sys.argv[1:]] or [400, 1569])
