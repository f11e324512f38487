"""The scan's times beside its floors and beside other scans."""

import importlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from videomamba.benchmark.gpu.clock import on_device
from videomamba.benchmark.gpu.compiled import warm
from videomamba.benchmark.gpu.plan import Plan, fits, sizes
from videomamba.benchmark.gpu.proofs import in_processes
from videomamba.benchmark.gpu.rates import Rates, measured, scan_work
from videomamba.benchmark.gpu.record import Record
from videomamba.ops import ScanDirection, bidirectional_scan
from videomamba.ops.scan.triton_tuning import CANDIDATES, cache_file, key, tune

_DTYPES = (torch.bfloat16, torch.float32)
_SLOW_TOKENS = 64 * 1569  # beyond, PyTorch's own operations are not timed


def tuning(record: Record, device: torch.device, plan: Plan) -> None:
    """Which configuration of the kernels is the fastest here; kept on disk."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "stand-in"
    batch, length = (1, 5) if plan.small else (16, 1569)
    jobs = [
        (batch, length, dtype, config, what) for dtype in _DTYPES for what in CANDIDATES for config in CANDIDATES[what]
    ]
    _compile(sorted(jobs, key=lambda job: job[-1]), record, plan)  # the gradients first: they take the longest
    for dtype in _DTYPES:
        both, z = drawn(batch, length, plan, device, dtype)
        for what in CANDIDATES:
            if record.late:
                record.line(f"out of time: {what}, {dtype} keeps the first guess")
                continue
            best = tune(
                key(what, dtype, plan.states), _pass(both, z, "triton", what == "backward"),
                lambda run: on_device([run], device, seconds=plan.seconds)[0], cache_file(name),
                late=lambda: record.late,
            )  # fmt: skip
            record.row(what=what, dtype=_short(dtype), **vars(best))
    record.line(f"written to {cache_file(name)}")


def _compile(jobs: Sequence[Any], record: Record, plan: Plan) -> None:
    """In many processes, to the cache of Triton; nothing is compiled for a stand-in."""
    if not plan.small:
        made = sum(1 for _ in in_processes(warm, jobs, record, plan))
        record.line(f"{made} of {len(jobs)} sets of kernels compiled")


def scans(record: Record, device: torch.device, plan: Plan) -> None:
    """Forward, and forward with the gradient, of both directions."""
    rates = measured(device, programs=1, repeat=1, seconds=0.01) if plan.small else measured(device)
    ends = (plan.lengths[0], plan.lengths[-1])  # with one span and with many; other lengths are compiled to the same
    passes = ("backward", "forward")
    _compile(
        [(*cell[1:], None, cell[0]) for cell in itertools.product(passes, plan.batches, ends, _DTYPES)], record, plan
    )
    for name, rate in vars(rates).items():
        record.line(f"{name.replace('_', ' ')} per second, measured: {rate:.3g}")
    theirs, why = mamba_ssm_scan()
    record.line(why)
    for batch, length, dtype in sizes(plan):
        if record.late:
            record.line("out of time: larger ones were not timed")
            return
        plane = batch * length * plan.widths[0] * dtype.itemsize
        for backward in (False, True):
            cell: dict[str, Any] = {"B": batch, "L": length, "dtype": _short(dtype)}
            cell["pass"] = "forward+backward" if backward else "forward"
            if not fits(device, plane * (18 if backward else 9) + batch * length * plan.widths[0] * 4):
                record.line(f"{cell}: does not fit in memory")
                continue
            try:
                _time(record, cell, device, plan, rates, theirs, dtype, backward=backward)
            except torch.OutOfMemoryError:
                record.line(f"{cell}: out of memory")
                torch.cuda.empty_cache()


def _time(
    record: Record, cell: dict[str, Any], device: torch.device, plan: Plan, rates: Rates,
    theirs: Callable[..., Any] | None, dtype: torch.dtype, *, backward: bool,
) -> None:  # fmt: skip
    batch, length = cell["B"], cell["L"]
    both, z = drawn(batch, length, plan, device, dtype)
    runs: dict[str, Callable[[], object]] = {"ms": _pass(both, z, "triton", backward)}
    if theirs is not None:
        runs["mamba-ssm twice and a flip, ms"] = _theirs(theirs, both, z, backward)
    few = batch * length <= _SLOW_TOKENS and (not backward or batch * length <= _SLOW_TOKENS // 8)
    if few and fits(device, batch * length * plan.widths[0] * 4 * (40 if backward else 12)):
        runs["torch, ms"] = _pass(both, z, "torch", backward)
        if not backward:
            runs["plain loop twice, ms"] = lambda: [_plain_loop(d, z) for d in both]
    taken = dict(zip(runs, on_device([*runs.values()], device, seconds=plan.seconds), strict=True))
    width, states = plan.widths[0], plan.states
    floors: dict[str, float] = dict.fromkeys(vars(rates), 0.0)
    for gradient in (False, True)[: 1 + backward]:
        work = scan_work(
            batch, length, dtype.itemsize, directions=2, backward=gradient, width=width, states=states
        ).seconds(rates)
        floors = {name: floors[name] + work[name] for name in floors}
    binds = max(floors, key=lambda name: floors[name])
    ours = taken.pop("ms")
    shown = {f"floor: {name.replace('_', ' ')}, ms": 1e3 * value for name, value in floors.items()}
    others: dict[str, float | None] = dict.fromkeys(
        ("mamba-ssm twice and a flip, ms", "torch, ms", "plain loop twice, ms")
    )
    others |= {name: 1e3 * value for name, value in taken.items()}
    record.row(**cell, ms=1e3 * ours, **shown, binds=binds, reached=floors[binds] / ours, **others)


def drawn(
    batch: int, length: int, plan: Plan, device: torch.device, dtype: torch.dtype
) -> tuple[list[ScanDirection], Tensor]:
    """Both directions and the gate, as the model has them: parts of wider projections."""
    width, states = plan.widths[0], plan.states
    torch.manual_seed(0)
    both = []
    for reverse in (False, True):
        projected = torch.randn(batch, length, 24 + 2 * states, device=device, dtype=dtype)
        B, C = (x.unsqueeze(2) for x in projected[..., 24:].split(states, -1))
        A = -torch.arange(1.0, states + 1, device=device).expand(width, states).contiguous()
        skip, bias = torch.ones(width, device=device), torch.full((width,), -4.0, device=device)
        u, delta = (torch.randn(batch, length, width, device=device, dtype=dtype) for _ in range(2))
        both.append(ScanDirection(u, delta, A, B, C, skip, bias, reverse=reverse))
    return both, torch.randn(batch, length, 2 * width, device=device, dtype=dtype)[..., width:]


def _pass(both: list[ScanDirection], z: Tensor, backend: str, backward: bool) -> Callable[[], object]:
    first, second = (d._replace(reverse=False) for d in both)

    def forward() -> None:
        with torch.inference_mode():
            bidirectional_scan(first, second, z, backend=backend)

    if not backward:
        return forward
    first, second = (d.mapped(_leaf) for d in (first, second))
    gate = _leaf(z)
    inputs = [x for d in (first, second) for x in d[:7] if x is not None] + [gate]
    pull = torch.ones_like(gate, memory_format=torch.contiguous_format)
    return lambda: torch.autograd.grad(bidirectional_scan(first, second, gate, backend=backend), inputs, pull)


def mamba_ssm_scan() -> tuple[Callable[..., Any] | None, str]:
    """mamba-ssm's CUDA scan, or None; and a line about it."""
    try:
        module = importlib.import_module("mamba_ssm.ops.selective_scan_interface")
        if module.selective_scan_cuda is None:
            return None, "mamba-ssm is here without its Mamba-1 CUDA scan: not timed"
        return module.selective_scan_fn, "mamba-ssm's CUDA scan is timed beside ours"
    except (ImportError, AttributeError, OSError):
        return None, "mamba-ssm's scan cannot be imported: not timed"


def _theirs(scan: Callable[..., Any], both: list[ScanDirection], z: Tensor, backward: bool) -> Callable[[], object]:
    """Two calls, the second on flipped tensors, as its users write a bidirectional scan."""

    def leaf(x: Tensor) -> Tensor:
        return x.detach().clone().requires_grad_(backward)

    gate = leaf(z.transpose(1, 2))
    sides: list[list[Any]] = []
    for d in both:
        u, delta = (leaf(x.transpose(1, 2)) for x in (d.u, d.delta))
        B, C = (leaf(x.squeeze(2).transpose(1, 2)) for x in (d.B, d.C))
        sides.append([u, delta, leaf(d.A), B, C, *(None if x is None else leaf(x) for x in (d.D, d.delta_bias))])
    inputs = [gate, *(x for side in sides for x in side if x is not None)]

    def forward() -> Tensor:
        total: Any = 0
        for flipped, (u, delta, A, B, C, D, bias) in enumerate(sides):
            tensors = [x.flip(-1) if flipped else x for x in (u, delta, B, C, gate)]
            out = scan(tensors[0], tensors[1], A, tensors[2], tensors[3], D, tensors[4], bias, True)
            total = total + (out.flip(-1) if flipped else out)
        return total

    def run() -> object:
        if backward:
            out = forward()
            return torch.autograd.grad(out, inputs, torch.ones_like(out))
        with torch.inference_mode():
            return forward()

    return run


def _plain_loop(d: ScanDirection, z: Tensor, steps: int = 64) -> Tensor:
    from videomamba.benchmark.scan import plain_loop

    wide = d.mapped(Tensor.float)
    return plain_loop(wide, z.float(), steps)


def _leaf(x: Tensor) -> Tensor:
    return x.detach().requires_grad_()


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
