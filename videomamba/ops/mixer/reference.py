"""The ST-SSM's core as the operations that it is made of; autograd keeps what each of them needs."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.ops.conv.api import causal_conv
from videomamba.ops.scan.api import bidirectional_scan
from videomamba.ops.scan.direction import ScanDirection


class SSMWeights(NamedTuple):
    """The parameters of one direction, with N states, R = rank of the step size.

    Attributes:
        conv: (D, K), the last tap is the token itself.
        conv_bias: (D,).
        x_proj: (R + 2 N, D): step, B and C from the convolved channels.
        dt_proj: (D, R).
        dt_bias: (D,), added to the step size before softplus.
        A_log: (D, N): A = -exp(A_log).
        D: (D,) skip connection.
    """

    conv: Tensor
    conv_bias: Tensor
    x_proj: Tensor
    dt_proj: Tensor
    dt_bias: Tensor
    A_log: Tensor
    D: Tensor


def forward(
    xz: Tensor,
    first: SSMWeights,
    second: SSMWeights,
    *,
    order: Tensor | None,
    backend: str,
    out_proj: Tensor | None = None,
) -> Tensor:
    """The contract of :func:`videomamba.ops.mixer.api.st_ssm`."""
    x, z = xz.chunk(2, dim=-1)
    forwards = causal_conv(x, first.conv, first.conv_bias, backend=backend)
    backwards = causal_conv(x, second.conv, second.conv_bias, reverse=order is None, order=order, backend=backend)
    both = (selected(forwards, first), selected(backwards, second))
    out = bidirectional_scan(*both, z, order=order, backend=backend)
    return out if out_proj is None else F.linear(out, out_proj)


def selected(u: Tensor, weights: SSMWeights) -> ScanDirection:
    """What the scan of a direction reads, from u (B, L, D), what its convolution gives."""
    rank, states = weights.dt_proj.shape[1], weights.A_log.shape[1]
    step, B, C = F.linear(u, weights.x_proj).split((rank, states, states), dim=-1)
    A = -torch.exp(_at_least_float32(weights.A_log))
    delta = F.linear(step, weights.dt_proj)
    return ScanDirection(u, delta, A, B, C, _at_least_float32(weights.D), delta_bias=_at_least_float32(weights.dt_bias))


def _at_least_float32(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()
