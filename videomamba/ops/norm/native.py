"""RMS normalisation in C++ on the CPU: one pass where PyTorch takes eight, and a gradient that keeps x alone."""

from typing import Any

import torch
from torch import Tensor

from videomamba.ops.native import library
from videomamba.ops.native.library import CNorm, pointer
from videomamba.ops.transforms import is_transformed, needs_plain_gradient

_PLAIN = (Tensor, torch.nn.Parameter)


def serves(x: Tensor, weight: Tensor) -> bool:
    """Whether these kernels take these tensors here and now: float32 on a CPU, and nothing has to see operators."""
    return (
        type(x) in _PLAIN
        and type(weight) in _PLAIN
        and x.is_cpu
        and x.dtype == weight.dtype == torch.float32
        and library.available()[0]
        and not torch.jit.is_tracing()
        and not torch._C._len_torch_dispatch_stack()  # modes that count, trace or fake operators; no public name
        and not is_transformed((x, weight))
    )


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """``x / sqrt(mean(x ** 2) + eps) * weight`` over the last axis, x (..., D), weight (D,); where :func:`serves`."""
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        out: Tensor = _Norm.apply(x, weight, eps)
        return out
    return _run(x, weight, eps)


def _problem(x: Tensor, weight: Tensor, eps: float) -> CNorm:
    width = len(weight)
    return CNorm(
        rows=x.numel() // width,
        width=width,
        threads=torch.get_num_threads(),
        eps=eps,
        x=pointer(x),
        weight=pointer(weight),
    )


def _run(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    x, weight, out = x.contiguous(), weight.contiguous(), torch.empty(x.shape)
    problem = _problem(x, weight, eps)
    problem.out = pointer(out)
    library.best().call("norm_forward", problem)
    return out


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.eps = eps
        return _run(x, weight, eps)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        if needs_plain_gradient(grads):
            return (*_plain_gradient(x, weight, ctx.eps, grads[0]), None)
        x, weight, grad_out = x.contiguous(), weight.contiguous(), grads[0].contiguous()
        grad_x, grad_weight = torch.empty(x.shape), torch.empty(weight.shape)
        problem = _problem(x, weight, ctx.eps)
        problem.grad_out, problem.grad_x, problem.grad_weight = map(pointer, (grad_out, grad_x, grad_weight))
        library.best().call("norm_backward", problem)
        return grad_x, grad_weight, None


def _plain_gradient(x: Tensor, weight: Tensor, eps: float, grad: Tensor) -> tuple[Tensor, Tensor]:
    """The same by PyTorch's operations, which have derivatives of their own."""
    scale = torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)
    normed, of_normed = x * scale, grad * weight
    of_x = scale * (of_normed - normed * (of_normed * normed).mean(-1, keepdim=True))
    return of_x, (grad * normed).flatten(0, -2).sum(0)
