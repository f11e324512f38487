"""The convolution by its definition, one token and tap at a time."""

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.ops.dtypes import sum_dtype
from videomamba.ops.visit import check_permutation, restored, visited


def forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, silu: bool, reverse: bool, order: Tensor | None
) -> Tensor:
    """``y[order[j]] = silu(bias + sum_k weight[:, k] x[order[j - K + 1 + k]])`` for x (B, L, D), weight (D, K).

    Sums in float32 (float64 for float64), as do all backends.
    """
    check_permutation(order)
    dtype = sum_dtype(x)
    visit = visited(x, order, reverse).to(dtype)
    taps = weight.shape[1]
    steps = []
    for step in range(x.shape[1]):
        y = torch.zeros_like(visit[:, 0]) if bias is None else bias.to(dtype).expand_as(visit[:, 0])
        for tap in range(max(0, taps - 1 - step), taps):
            y = y + weight[:, tap].to(dtype) * visit[:, step - taps + 1 + tap]
        steps.append(F.silu(y) if silu else y)
    return restored(torch.stack(steps, 1), order, reverse).to(x.dtype) if steps else torch.zeros_like(x)
