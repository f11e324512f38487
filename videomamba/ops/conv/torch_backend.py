"""The convolution as K shifted multiply-adds over whole sequences; autograd differentiates it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.ops.dtypes import sum_dtype
from videomamba.ops.visit import check_permutation, restored


def forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, silu: bool, reverse: bool, order: Tensor | None
) -> Tensor:
    """The contract of :mod:`.reference`; sums in float32 (float64 for float64)."""
    check_permutation(order)
    length, taps = x.shape[1], weight.shape[1]
    dtype = sum_dtype(x)
    visited = x if order is None else x.index_select(1, order)
    edge = (0, taps - 1) if reverse else (taps - 1, 0)
    padded = F.pad(visited.to(dtype), (0, 0, *edge))
    y = torch.zeros((), dtype=dtype, device=x.device) if bias is None else bias.to(dtype)
    for tap, column in enumerate(weight.to(dtype).unbind(1)):
        start = taps - 1 - tap if reverse else tap
        y = torch.addcmul(y, column, padded[:, start : start + length])
    y = (F.silu(y) if silu else y).to(x.dtype)
    return restored(y, order, reverse=False)
