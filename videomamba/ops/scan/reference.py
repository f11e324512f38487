"""The recurrence as defined, one step at a time, differentiated by autograd: every kernel is compared with it."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.ops.dtypes import sum_dtype
from videomamba.ops.scan.contract import ScanBackend
from videomamba.ops.scan.direction import ScanDirection
from videomamba.ops.visit import check_permutation


def forward(
    directions: Sequence[ScanDirection], z: Tensor | None, *, delta_softplus: bool, save: bool = False
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """``(silu(z) * sum of the directions, last state of each, nothing)``; Mamba (arXiv 2312.00752), algorithm 2.

    Computes in float32, or float64 when u is float64. B and C are (B, L, G, N).
    Returns (B, L, D) in u's dtype and, per direction, (B, D, N) in the dtype of the computation.
    """
    results = [_scan(direction, delta_softplus) for direction in directions]
    out = torch.stack([y for y, _ in results]).sum(0)
    if z is not None:
        out = out * F.silu(z.to(out.dtype))
    return out.to(directions[0].u.dtype), [state for _, state in results], []


def _scan(direction: ScanDirection, delta_softplus: bool) -> tuple[Tensor, Tensor]:
    check_permutation(direction.order)
    dtype = sum_dtype(direction.u)
    u, delta, B, C = (direction.visited(x).to(dtype) for x in (direction.u, direction.delta, direction.B, direction.C))
    A = direction.A.to(dtype)
    batch, length, width = u.shape
    per_group = width // B.shape[2]
    if direction.delta_bias is not None:
        delta = delta + direction.delta_bias.to(dtype)
    if delta_softplus:
        delta = F.softplus(delta)
    state = u.new_zeros(batch, width, A.shape[1])
    if direction.initial_state is not None:
        state = direction.initial_state.to(dtype)
    outputs = []
    for step in range(length):
        b, c = (x[:, step].repeat_interleave(per_group, dim=1) for x in (B, C))  # (B, D, N)
        decay = torch.exp(delta[:, step, :, None] * A)
        state = decay * state + (delta[:, step] * u[:, step])[..., None] * b
        outputs.append((state * c).sum(-1))
    y = torch.stack(outputs, 1) if outputs else u
    if direction.D is not None:
        y = y + direction.D.to(dtype) * u
    return direction.restored(y), state


BACKEND = ScanBackend(forward, None, status=lambda: (True, "plain loop, for comparison"))
