"""Products with large float32 weights on a CPU, by the faster of the two libraries that PyTorch brings for them.

PyTorch takes Intel's MKL, which is slower than oneDNN on AMD's processors (``benchmarks/products.py``; figures in
docs/speed.md). oneDNN always writes to new memory.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.machine import vendor
from videomamba.ops.transforms import is_watched, needs_plain_gradient, plain_gradient

_LEAST_WEIGHT = 2**17  # numbers; with smaller ones, or less work than the next, what oneDNN prepares takes longer
_LEAST_WORK = 2**21  # multiply-adds
_MOST = 2**24  # bytes of a result: filling larger new memory takes longer than oneDNN saves


@cache
def choice() -> tuple[bool, str]:
    """Whether oneDNN computes large products on this machine, and why or why not in one line."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise") or not torch.backends.mkl.is_available():
        return False, "PyTorch's own choice: this build does not have both MKL and oneDNN"
    if vendor() != "AuthenticAMD":
        return False, "MKL: oneDNN was found faster on AMD's processors alone"
    return True, "oneDNN for large weights, which is faster than MKL on AMD's processors"


def by_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN computes ``x @ weight.T``, x (..., K), weight (N, K)."""
    numbers = weight.numel()
    if x.dtype != torch.float32 or weight.dtype != torch.float32 or numbers < _LEAST_WEIGHT:
        return False
    rows = x.numel() // x.shape[-1]
    if rows * numbers < _LEAST_WORK or rows * len(weight) * weight.itemsize > _MOST:
        return False
    own = (
        torch.is_autocast_enabled("cpu") or is_watched() or not torch.backends.mkldnn.enabled
    )  # PyTorch's own operator
    return not own and choice()[0]


def linear(x: Tensor, weight: Tensor, out: Tensor | None = None) -> Tensor:
    """``torch.nn.functional.linear`` of plain tensors on the CPU: x (..., K) and weight (N, K) give (..., N).

    Args:
        x: a tensor.
        weight: may be a view of strides of any kind.
        out: (rows, N) without a gradient, where to write it unless :func:`by_onednn`; None: a new tensor.
    """
    if by_onednn(x, weight):
        needs_gradient = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
        result: Tensor = _Linear.apply(x, weight) if needs_gradient else _onednn(x, weight)
        return result
    if out is None:
        return F.linear(x, weight)
    return torch.mm(x.flatten(0, -2), weight.T, out=out).view(*x.shape[:-1], len(weight))


def _onednn(x: Tensor, weight: Tensor) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return result


def _plain(given: Sequence[Any]) -> list[Tensor]:
    return [F.linear(*given)]


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _onednn(x, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        (grad,) = grads
        with torch.autocast("cpu", enabled=False):
            if needs_plain_gradient(grads):
                return tuple(plain_gradient(_plain, (x, weight), grads))
            of_x = linear(grad, weight.T) if ctx.needs_input_grad[0] else None
            # MKL is as fast for it
            of_weight = grad.flatten(0, -2).T @ x.flatten(0, -2) if ctx.needs_input_grad[1] else None
        return of_x, of_weight
