"""The convolution by its definition, a token and a tap at a time."""

import torch
import torch.nn.functional as F
from torch import Tensor


def forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, silu: bool, reverse: bool, order: Tensor | None
) -> Tensor:
    """``y[order[j]] = silu(bias + sum_k weight[:, k] x[order[j - K + 1 + k]])`` for x (B, L, D), weight (D, K)."""
    length, taps = x.shape[1], weight.shape[1]
    visit = order.tolist() if order is not None else list(range(length))[:: -1 if reverse else 1]
    result: list[Tensor] = [x.new_empty(0)] * length
    for step, token in enumerate(visit):
        y = torch.zeros_like(x[:, 0]) if bias is None else bias.to(x.dtype).expand_as(x[:, 0])
        for tap in range(taps):
            source = step - taps + 1 + tap
            if source >= 0:
                y = y + weight[:, tap].to(x.dtype) * x[:, visit[source]]
        result[token] = F.silu(y) if silu else y
    return torch.stack(result, 1) if result else torch.zeros_like(x)
