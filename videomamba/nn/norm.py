"""RMS normalisation that bridges a float32 residual stream and layers of any dtype."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videomamba.ops.transforms import is_transformed


class RMSNorm(nn.RMSNorm):
    """``x / rms(x) * weight`` computed in x's dtype (the residual stream's), returned in the weight's."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.to(x.dtype)
        if _is_plain_training(x, weight):
            normed: Tensor = _Norm.apply(x, weight, self.eps)
        else:
            normed = F.rms_norm(x, tuple(self.normalized_shape), weight, self.eps)
        return normed.to(self.weight.dtype)


def _is_plain_training(x: Tensor, weight: Tensor) -> bool:
    """Whether a gradient is wanted of plain tensors on a CPU, where PyTorch's own keeps two tensors of x's size."""
    return (
        type(x) is Tensor
        and x.is_cpu
        and x.dtype in (torch.float32, torch.float64)
        and torch.is_grad_enabled()
        and (x.requires_grad or weight.requires_grad)
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and not is_transformed((x, weight))
    )


class _Norm(torch.autograd.Function):
    """The same values; for the gradient x alone is kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.eps = torch.finfo(x.dtype).eps if eps is None else eps
        return F.rms_norm(x, tuple(weight.shape), weight, eps)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        scale = torch.rsqrt(x.square().mean(-1, keepdim=True) + ctx.eps)
        normed, of_normed = x * scale, grads[0] * weight
        of_x = scale * (of_normed - normed * (of_normed * normed).mean(-1, keepdim=True))
        return of_x, (grads[0] * normed).reshape(-1, len(weight)).sum(0), None
