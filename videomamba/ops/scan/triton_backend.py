"""The scan on a GPU in Triton, with the contract of :mod:`.reference`.

The kernels are in :mod:`.triton_kernels` and :mod:`.triton_gradients`; `docs/gpu.md` counts what they move.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from videomamba.ops.scan import triton_launch
from videomamba.ops.scan.contract import ScanBackend
from videomamba.ops.scan.direction import ScanDirection, ScanGradients
from videomamba.ops.scan.triton_launch import Config, Division, Tile, ceil_div, divided, interpreted, launch
from videomamba.ops.scan.triton_tuning import config_of

STITCHED = 256  # states of a program that joins spans


def forward(
    directions: Sequence[ScanDirection], z: Tensor | None, *, delta_softplus: bool, save: bool = False
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """``(silu(z) * sum of the directions, last state of each, with save the states that chunks begin from)``."""
    u = directions[0].u
    out = torch.empty(u.shape, dtype=u.dtype, device=u.device)
    kept = saved_like(directions, z) if save else []
    last = [_states(d) for d in directions]
    if not u.numel():
        for state, d in zip(last, directions, strict=True):
            state.zero_() if d.initial_state is None else state.copy_(d.initial_state)
        return out, last, kept
    total = None
    for group in _alike(directions, ordered=False):
        run = _Run.of([directions[i] for i in group], delta_softplus, "forward")
        sides = [
            run.side(d, first=d.initial_state, last=last[i], kept=kept[i] if save else None)
            for i, d in zip(group, run.directions, strict=True)
        ]
        division = run.division
        if division.spans > 1:
            sides = [run.with_starts(side) for side in sides]
            run.launch("span_ends", sides, each=True, blocks=division.blocks, items=division.programs)
            run.stitch(sides, gradient=False)
        is_final = group[-1] == len(directions) - 1
        before = _plane(u) if len(group) > 1 else total
        total = out if is_final else _plane(u)
        gate = _named("z", z if is_final else None)
        run.launch("outputs", sides, blocks=division.blocks, **gate, before=before, out=total)
    return out, last, kept


def backward(
    directions: Sequence[ScanDirection],
    z: Tensor | None,
    saved: Sequence[Tensor],
    grad_out: Tensor,
    grad_last_states: Sequence[Tensor | None],
    *,
    delta_softplus: bool,
) -> tuple[list[ScanGradients], Tensor | None]:
    """Gradients of :func:`forward` for every direction, and for z (None without z)."""
    u = directions[0].u
    grad_z = None if z is None else torch.empty(z.shape, dtype=z.dtype, device=z.device)
    if not u.numel():
        return [_of_nothing(d, grad) for d, grad in zip(directions, grad_last_states, strict=True)], grad_z
    if not saved:  # forward ran without saving for a gradient, as under torch.func
        saved = forward(directions, z, delta_softplus=delta_softplus, save=True)[2]
    grad_out = _last_axis_contiguous(grad_out)
    rows = {**_named("z", z), "grad_out": grad_out, "grad_b": grad_out.stride(0), "grad_l": grad_out.stride(1)}
    result: list[ScanGradients] = []
    before = None
    for group in _alike(directions, ordered=True):
        run = _Run.of([directions[i] for i in group], delta_softplus, "backward")
        division = run.division
        sides = [
            run.with_starts(run.side(d, first=grad_last_states[i], last=None, kept=saved[i]))
            for i, d in zip(group, run.directions, strict=True)
        ]
        if division.spans > 1:
            alone = _Run.of([directions[i] for i in group], delta_softplus, "backward", span=division.span)
            items = alone.division.programs
            alone.launch("span_carries", sides, each=True, blocks=alone.division.blocks, items=items, **rows)
            run.stitch(sides, gradient=True)
        else:
            for side in sides:
                side.starts.zero_() if side.first is None else side.starts[0].copy_(side.first.mT)
        for i, (direction, side) in enumerate(zip(run.directions, sides, strict=True), group[0]):
            is_final = i == len(directions) - 1
            shares = _Shares.of(direction, division)
            y = None if z is None or is_final else _plane(u)
            run.gradients(
                side, direction, **rows, before=before, y_out=y, grad_z=grad_z if is_final else None,
                **shares.arguments(),
            )  # fmt: skip
            grad_state = side.starts[-1 if _is_reverse(direction) else 0]
            result.append(shares.summed(grad_state).like(directions[i]))
            before = y
    return result, grad_z


def saved_like(directions: Sequence[ScanDirection], z: Tensor | None) -> list[Tensor]:
    """Per direction the states that its chunks begin from, (chunks, B, N, D) float32."""
    return [_kept(d, ceil_div(d.u.shape[1], triton_launch.CHUNK)) for d in directions]


@dataclass(frozen=True)
class _Run:
    """Directions that are launched together, as the kernels take them."""

    directions: Sequence[ScanDirection]
    division: Division
    tile: Tile
    config: Config
    softplus: bool

    @classmethod
    def of(cls, directions: Sequence[ScanDirection], softplus: bool, what: str, *, span: int = 0) -> "_Run":
        """``what`` is forward or backward; with ``span``, in chunks, a program takes one block of channels."""
        laid = [_laid(d) for d in directions]
        d = laid[0]
        batch, length, width = d.u.shape
        groups, states = d.B.shape[2], d.A.shape[1]
        config = config_of(what, d.u, states)
        tile = config.fitting(width // groups, states)
        processors = triton_launch.processors_of(d.u.device)
        is_shared = what == "backward" and not span
        division = divided(
            batch, length, groups, width // groups, tile.BD, config.warps, processors, shared=is_shared, span=span
        )
        return cls(laid, division, tile, config, softplus)

    def side(self, d: ScanDirection, *, first: Tensor | None, last: Tensor | None, kept: Tensor | None) -> Any:
        from videomamba.ops.scan.triton_tiles import Side

        first = None if first is None else first.float().contiguous()
        every: list[Any] = [*_rows(d.u), *_rows(d.delta), d.B, *d.B.stride()[:3], d.C, *d.C.stride()[:3]]
        return Side(*every, d.A, d.D, d.delta_bias, d.order, first, last, None, None, kept)  # type: ignore[call-arg]

    def with_starts(self, side: Any) -> Any:
        starts = side.u.new_empty(self.division.spans, len(side.u), *side.A.T.shape, dtype=torch.float32)
        return side._replace(starts=starts, sums=starts.new_empty(*starts.shape[:2], len(side.A)))

    def launch(self, name: str, sides: Sequence[Any], *, each: bool = False, **arguments: Any) -> None:
        """A kernel of all sides; with ``each`` they have programs of their own."""
        flips = [_is_reverse(d) for d in self.directions]
        launch(
            _kernel(name), self.division.programs * (len(sides) if each else 1),
            {"first": sides[0], "second": sides[1] if len(sides) > 1 else None, "sizes": self.sizes(), **arguments},
            **self.meta(), BOTH=len(sides) > 1, REVERSE=flips[0], REVERSE2=flips[-1],
        )  # fmt: skip

    def gradients(self, side: Any, direction: ScanDirection, **arguments: Any) -> None:
        division = self.division
        launch(
            _kernel("gradients"), division.programs,
            {"side": side, "sizes": self.sizes(), "blocks": division.blocks, "repeat": division.repeat, **arguments},
            **self.meta(), REVERSE=_is_reverse(direction),
        )  # fmt: skip

    def stitch(self, sides: Sequence[Any], *, gradient: bool) -> None:
        d = self.directions[0]
        items = len(d.u) * ceil_div(d.A.numel(), STITCHED)
        flips = [_is_reverse(d) != gradient for d in self.directions]
        launch(
            _kernel("stitch"), items * len(sides),
            {"first": sides[0], "second": sides[1] if len(sides) > 1 else None, "sizes": self.sizes(), "items": items},
            E=STITCHED, BOTH=len(sides) > 1, FLIP=flips[0], FLIP2=flips[-1],
        )  # fmt: skip

    def meta(self) -> dict[str, Any]:
        return {
            **asdict(self.tile), "CHUNK": triton_launch.CHUNK, "STAGES": self.config.stages, "SOFTPLUS": self.softplus,
            "num_warps": self.config.warps, "num_stages": self.config.stages,
        }  # fmt: skip

    def sizes(self) -> Any:
        from videomamba.ops.scan.triton_tiles import Sizes

        d = self.directions[0]
        batch, length, width = d.u.shape
        return Sizes(batch, length, width, d.B.shape[2], d.A.shape[1], self.division.span, self.division.spans)


@dataclass(frozen=True)
class _Shares:
    """What the gradients of one direction are written to, and summed from."""

    u: Tensor
    delta: Tensor
    A: Tensor
    D: Tensor | None
    bias: Tensor | None
    B: Tensor
    C: Tensor

    @classmethod
    def of(cls, d: ScanDirection, division: Division) -> "_Shares":
        u, delta = (torch.empty(x.shape, dtype=x.dtype, device=x.device) for x in (d.u, d.delta))
        A = _kept(d, division.spans)
        D, bias = (None if x is None else A.new_empty(*A.shape[:2], len(x)) for x in (d.D, d.delta_bias))
        B, C = (A.new_empty(division.blocks, *x.shape) for x in (d.B, d.C))
        return cls(u, delta, A, D, bias, B, C)

    def arguments(self) -> dict[str, Tensor | None]:
        return {f"grad_{name}": getattr(self, name) for name in ("u", "delta", "A", "D", "bias", "B", "C")}

    def summed(self, grad_state: Tensor) -> ScanGradients:
        D, bias = (None if x is None else x.sum((0, 1)) for x in (self.D, self.bias))
        return ScanGradients(
            self.u, self.delta, self.A.sum((0, 1)).T, self.B.sum(0), self.C.sum(0), D, bias, grad_state.mT.contiguous()
        )


def _of_nothing(d: ScanDirection, grad_last: Tensor | None) -> ScanGradients:
    """Without tokens the last state is the initial one."""
    zeros = ScanGradients(*(None if x is None else torch.zeros_like(x) for x in d[:8]))
    return zeros if grad_last is None else zeros._replace(initial_state=grad_last.clone()).like(d)


def _alike(directions: Sequence[ScanDirection], *, ordered: bool) -> list[list[int]]:
    """Which are launched together: all, unless their groups or states differ in number.

    Without ``ordered`` each alone if one walks by an order: its spans are not spans of the other's tokens.
    """
    shapes = {(d.A.shape[1], d.B.shape[2]) for d in directions}
    if len(shapes) == 1 and (ordered or all(d.order is None for d in directions)):
        return [[*range(len(directions))]]
    return [[i] for i in range(len(directions))]


def _is_reverse(d: ScanDirection) -> bool:
    """Whether places are walked from the last to the first; by an order they are steps, walked as they come."""
    return d.order is None and d.reverse


def _plane(u: Tensor) -> Tensor:
    return torch.empty(u.shape, dtype=torch.float32, device=u.device)


def _laid(d: ScanDirection) -> ScanDirection:
    """With channels next to each other, weights in float32: of B and C that is less work than in every program."""
    u, delta, B, C = (_last_axis_contiguous(x) for x in (d.u, d.delta, d.B.float(), d.C.float()))
    A, D, bias = (None if x is None else x.float().contiguous() for x in (d.A, d.D, d.delta_bias))
    order = None if d.order is None else d.order.long().contiguous()
    assert A is not None
    return ScanDirection(u, delta, A, B, C, D, bias, d.initial_state, order, d.reverse)


def _states(d: ScanDirection) -> Tensor:
    return d.u.new_empty(len(d.u), *d.A.shape, dtype=torch.float32)


def _kept(d: ScanDirection, rows: int) -> Tensor:
    return d.u.new_empty(rows, len(d.u), *d.A.T.shape, dtype=torch.float32)


def _kernel(name: str) -> Any:
    """Imported on first use: there may be no Triton."""
    from videomamba.ops.scan import triton_gradients, triton_kernels

    return getattr(triton_gradients if hasattr(triton_gradients, name) else triton_kernels, name)


def _named(name: str, x: Tensor | None) -> dict[str, Any]:
    """Rows of x and its strides as a kernel's arguments."""
    x, b, l = (None, 0, 0) if x is None else _rows(_last_axis_contiguous(x))  # noqa: E741
    return {name: x, f"{name}_b": b, f"{name}_l": l}


def _rows(x: Tensor) -> tuple[Tensor, int, int]:
    return x, x.stride(0), x.stride(1)


def _last_axis_contiguous(x: Tensor) -> Tensor:
    return x if x.stride(-1) == 1 or x.shape[-1] <= 1 else x.contiguous()


@cache
def _status() -> tuple[bool, str]:
    if importlib.util.find_spec("triton") is None:
        return False, "Triton is not installed; PyTorch's builds for GPUs bring it"
    if interpreted():
        return True, "Triton's interpreter on the CPU: slow, for tests"
    if not torch.cuda.is_available():
        return False, "no GPU that PyTorch can use"
    return True, f"Triton on {torch.cuda.get_device_name()}"


BACKEND = ScanBackend(
    forward,
    backward,
    saved_like=saved_like,
    status=_status,
    devices=lambda: ("cpu",) if interpreted() else ("cuda",),
    dtypes=(torch.float32, torch.bfloat16, torch.float16),
    automatic=("cuda",),
)
