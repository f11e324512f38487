"""The scan on a GPU in Triton, with the contract of :mod:`.reference`; the kernels are in :mod:`.triton_kernels`.

The sequence is cut into as many chunks as it takes to fill the device, even with a single clip. With more than
one chunk, each first computes its final state from an initial state of zero; these are combined sequentially, and
then all chunks run from their actual initial states. The gradient does the same, forwards for the states and
backwards for their gradients, with one tile of tokens per chunk.
"""

import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.ops.scan.contract import ScanBackend
from videomamba.ops.scan.direction import ScanDirection, ScanGradients

TILE_STEPS = 16
TILE_STATES = 256  # channels times states of a tile
PROGRAMS_PER_PROCESSOR = 8  # enough to hide latency


def forward(
    directions: Sequence[ScanDirection], z: Tensor | None, *, delta_softplus: bool, save: bool = False
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """``(silu(z) * sum of the directions, last state of each, nothing saved)``."""
    u = directions[0].u
    gate = None if z is None else _last_axis_contiguous(z)
    total, last_states = None, []
    for index, direction in enumerate(directions):
        launch = _Launch.of(direction, delta_softplus)
        final = index == len(directions) - 1
        out = torch.empty(u.shape, dtype=u.dtype if final else torch.float32, device=u.device)
        last_states.append(launch.run(out, before=total, z=gate if final else None))
        total = out
    assert total is not None
    return total, last_states, []


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
    grad_y, grad_z = grad_out.float(), None
    if z is not None:
        wide = [d._replace(u=d.u.float()) for d in directions]  # the sum of the directions, unrounded
        total, _, _ = forward(wide, None, delta_softplus=delta_softplus)
        gate = torch.sigmoid(z.float())
        grad_z = (grad_y * total * gate * (1 + z.float() * (1 - gate))).to(z.dtype)
        grad_y = grad_y * F.silu(z.float())
    grad_y = grad_y.contiguous()
    grads = [
        _Launch.of(direction, delta_softplus).gradients(grad_y, grad_last)
        for direction, grad_last in zip(directions, grad_last_states, strict=True)
    ]
    return [grad.like(direction) for grad, direction in zip(grads, directions, strict=True)], grad_z


@dataclass
class _Launch:
    """One direction as the kernels take it."""

    d: ScanDirection
    length: int
    block: int  # channels of a program
    blocks: int  # of a group
    meta: dict[str, Any]

    @classmethod
    def of(cls, direction: ScanDirection, delta_softplus: bool) -> "_Launch":
        u, delta, A, B, C, D, bias, state, order, reverse = direction
        u, delta, B, C = (_last_axis_contiguous(x) for x in (u, delta, B, C))
        A = A.float().contiguous()
        D, bias, state = (None if x is None else x.float().contiguous() for x in (D, bias, state))
        per_group = u.shape[2] // B.shape[2]
        padded = _next_power_of_2(A.shape[1])
        block = min(max(TILE_STATES // padded, 1), _next_power_of_2(per_group))
        meta = {
            "T": TILE_STEPS,
            "BD": block,
            "N": padded,
            "VISIT": 2 if order is not None else int(reverse),
            "SOFTPLUS": delta_softplus,
            "BIAS": bias is not None,
        }
        order = None if order is None else order.long().contiguous()
        direction = ScanDirection(u, delta, A, B, C, D, bias, state, order, reverse)
        return cls(direction, u.shape[1], block, _ceil_div(per_group, block), meta)

    def run(self, out: Tensor, *, before: Tensor | None, z: Tensor | None) -> Tensor:
        """Writes ``silu(z) (before + y)``; returns the last state."""
        d = self.d
        last = self._state_like(1)[0]
        chunk_steps = self._chunk_steps()
        chunks = max(1, _ceil_div(self.length, chunk_steps))
        starts = d.initial_state if chunks == 1 else self._starts(chunks, chunk_steps)[0]
        if not out.numel():
            return last.zero_() if d.initial_state is None else last.copy_(d.initial_state)
        _kernels().outputs[self._grid(chunks)](
            *self._inputs("u", "delta"), *self._weights("B", "C"), d.A, d.D, d.delta_bias, d.order,
            *(_rows(z) if z is not None else (None, 0, 0)), starts, last, before, out, *self._sizes(), chunk_steps,
            **self.meta, SKIP=d.D is not None, GATE=z is not None, START=starts is not None, ADD=before is not None,
        )  # fmt: skip
        return last

    def gradients(self, grad_y: Tensor, grad_last: Tensor | None) -> ScanGradients:
        d = self.d
        tiles = max(1, _ceil_div(self.length, TILE_STEPS))
        starts, sums = self._starts(tiles, TILE_STEPS)
        carries, grad_state = self._state_like(tiles), self._state_like(1)[0]
        grid = self._grid(tiles)
        grad_u, grad_delta = (torch.empty_like(x, memory_format=torch.contiguous_format) for x in (d.u, d.delta))
        of_A = self._state_like(tiles)
        of_B, of_C = (d.u.new_empty(self.blocks, *x.shape, dtype=torch.float32) for x in (d.B, d.C))
        of_D, of_bias = (None if x is None else sums.new_empty(sums.shape) for x in (d.D, d.delta_bias))
        if not grad_y.numel():
            return ScanGradients(*(None if x is None else torch.zeros_like(x) for x in d[:8]))
        _kernels().local_carries[grid](
            *self._inputs("delta"), *self._weights("C"), d.A, d.delta_bias, d.order, grad_y,
            carries, *self._sizes(), **self.meta,
        )  # fmt: skip
        first = None if grad_last is None else grad_last.float().contiguous()
        self._stitch(carries, sums, first=first, last=grad_state, backwards=True)
        _kernels().gradients[grid](
            *self._inputs("u", "delta"), *self._weights("B", "C"), d.A, d.D, d.delta_bias, d.order, grad_y, starts,
            carries, grad_u, grad_delta, of_A, of_D, of_bias, of_B, of_C, *self._sizes(),
            **self.meta, SKIP=d.D is not None,
        )  # fmt: skip
        return ScanGradients(
            u=grad_u,
            delta=grad_delta,
            A=of_A.sum((0, 1)),
            B=of_B.sum(0),
            C=of_C.sum(0),
            D=None if of_D is None else of_D.sum((0, 1)),
            delta_bias=None if of_bias is None else of_bias.sum((0, 1)),
            initial_state=grad_state,
        )

    def _chunk_steps(self) -> int:
        """Steps per chunk: the full length if blocks and batch fill the device, else few enough that the chunks do."""
        programs = len(self.d.u) * self.d.B.shape[2] * self.blocks
        chunks = max(1, _wanted_programs(self.d.u.device) // max(1, programs))
        return TILE_STEPS * max(1, _ceil_div(self.length, TILE_STEPS * chunks))

    def _starts(self, chunks: int, chunk_steps: int) -> tuple[Tensor, Tensor]:
        """States that the chunks begin from, (chunks, B, D, N), and the sums of their step sizes, (chunks, B, D)."""
        d = self.d
        ends = self._state_like(chunks)
        sums = ends.new_empty(ends.shape[:3])
        if ends.numel():
            _kernels().local_states[self._grid(chunks)](
                *self._inputs("u", "delta"), *self._weights("B"), d.A, d.delta_bias, d.order,
                ends, sums, *self._sizes(), chunk_steps, **self.meta,
            )  # fmt: skip
        self._stitch(ends, sums, first=d.initial_state, last=self._state_like(1)[0], backwards=False)
        return ends, sums

    def _stitch(self, ends: Tensor, sums: Tensor, *, first: Tensor | None, last: Tensor, backwards: bool) -> None:
        chunks, batch, width, states = ends.shape
        if not ends.numel():
            return
        begin, sign = (chunks - 1, -1) if backwards else (0, 1)
        _kernels().stitch[(_ceil_div(width, self.block), batch)](
            ends[begin], sums[begin], self.d.A, first, last, width, states, chunks,
            sign * ends.stride(0), sign * sums.stride(0), BD=self.block, N=self.meta["N"], FIRST=first is not None,
        )  # fmt: skip

    def _grid(self, chunks: int) -> tuple[int, int, int]:
        return chunks, self.blocks * self.d.B.shape[2], len(self.d.u)

    def _inputs(self, *names: str) -> list[Any]:
        return [part for name in names for part in _rows(getattr(self.d, name))]

    def _weights(self, *names: str) -> list[Any]:
        return [part for name in names for part in (getattr(self.d, name), *getattr(self.d, name).stride()[:3])]

    def _sizes(self) -> tuple[int, int, int, int]:
        return self.length, self.d.u.shape[2], self.d.B.shape[2], self.d.A.shape[1]

    def _state_like(self, chunks: int) -> Tensor:
        return self.d.u.new_empty(chunks, len(self.d.u), *self.d.A.shape, dtype=torch.float32)


def _kernels() -> ModuleType:
    """Imported on first use: there may be no Triton."""
    from videomamba.ops.scan import triton_kernels

    return triton_kernels


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def _next_power_of_2(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()


def _rows(x: Tensor) -> tuple[Tensor, int, int]:
    return x, x.stride(0), x.stride(1)


def _last_axis_contiguous(x: Tensor) -> Tensor:
    return x if x.stride(-1) == 1 or x.shape[-1] <= 1 else x.contiguous()


def _wanted_programs(device: torch.device) -> int:
    if device.type == "cpu":  # the interpreter: a few chunks, so that they are tested
        return 12
    return PROGRAMS_PER_PROCESSOR * torch.cuda.get_device_properties(device).multi_processor_count


@cache
def _status() -> tuple[bool, str]:
    if importlib.util.find_spec("triton") is None:
        return False, "Triton is not installed; PyTorch's builds for GPUs bring it"
    if _interpreted():
        return True, "Triton's interpreter on the CPU: slow, for tests"
    if not torch.cuda.is_available():
        return False, "no GPU that PyTorch can use"
    return True, f"Triton on {torch.cuda.get_device_name()}"


def _interpreted() -> bool:
    return os.environ.get("TRITON_INTERPRET") == "1"


BACKEND = ScanBackend(
    forward,
    backward,
    status=_status,
    devices=lambda: ("cpu",) if _interpreted() else ("cuda",),
    dtypes=(torch.float32, torch.bfloat16, torch.float16),
    automatic=("cuda",),
)
