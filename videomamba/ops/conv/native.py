"""The convolution in C++ on the CPU, as a PyTorch operator with its gradient; the contract of :mod:`.reference`."""

import ctypes
from typing import Any

import torch
from torch import Tensor

from videomamba.ops.native import library as native


def forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, silu: bool, reverse: bool, order: Tensor | None
) -> Tensor:
    """``y[order[j]] = silu(bias + sum_k weight[:, k] x[order[j - K + 1 + k]])`` for x (B, L, D), weight (D, K)."""
    return _conv(x, weight, bias, order, reverse, silu)


@torch.library.custom_op("videomamba::causal_conv", mutates_args=())
def _conv(x: Tensor, weight: Tensor, bias: Tensor | None, order: Tensor | None, reverse: bool, silu: bool) -> Tensor:
    call = _Call(x, weight, bias, order, reverse, silu)
    out = torch.empty(x.shape, dtype=torch.float32)
    native.library().videomamba_conv_forward(*call.arguments, out.data_ptr())
    return out.to(x.dtype)


@_conv.register_fake
def _(x, weight, bias, order, reverse, silu):  # type: ignore[no-untyped-def]
    return torch.empty_like(x, memory_format=torch.contiguous_format)


@torch.library.custom_op("videomamba::causal_conv_backward", mutates_args=())
def _conv_backward(
    grad_out: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, order: Tensor | None, reverse: bool, silu: bool
) -> tuple[Tensor, Tensor, Tensor]:
    call = _Call(x, weight, bias, order, reverse, silu)
    grad = native.float_rows(grad_out)
    grad_x = torch.empty(x.shape, dtype=torch.float32)
    grad_taps = torch.empty(len(x), weight.shape[1], weight.shape[0])
    grad_bias = torch.empty(len(x), weight.shape[0])
    native.library().videomamba_conv_backward(
        *call.arguments,
        ctypes.byref(native.strided(grad)),
        *(result.data_ptr() for result in (grad_x, grad_taps, grad_bias)),
    )
    return grad_x.to(x.dtype), grad_taps.sum(0).T.contiguous().to(weight.dtype), grad_bias.sum(0).to(weight.dtype)


@_conv_backward.register_fake
def _(grad_out, x, weight, bias, order, reverse, silu):  # type: ignore[no-untyped-def]
    like_x = torch.empty_like(x, memory_format=torch.contiguous_format)
    return like_x, torch.empty_like(weight), weight.new_empty(weight.shape[0])


class _Call:
    """The arguments that forward and backward share; keeps converted tensors alive while a kernel reads them."""

    def __init__(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, order: Tensor | None, reverse: bool, silu: bool
    ) -> None:
        self.x = native.float_rows(x)
        self.taps = weight.float().T.contiguous()
        self.bias = None if bias is None else bias.float().contiguous()
        self.order = None if order is None else order.long().contiguous()
        self.arguments = (
            ctypes.byref(native.strided(self.x)),
            *(native.address(t) for t in (self.taps, self.bias, self.order)),
            int(reverse),
            *x.shape,
            weight.shape[1],
            int(silu),
            torch.get_num_threads(),
        )


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, bias, order, ctx.reverse, ctx.silu = inputs
    ctx.save_for_backward(x, weight, bias, order)


def _gradient(ctx: Any, grad_out: Tensor) -> tuple[Any, ...]:
    x, weight, bias, order = ctx.saved_tensors
    grad_x, grad_weight, grad_bias = _conv_backward(grad_out, x, weight, bias, order, ctx.reverse, ctx.silu)
    return grad_x, grad_weight, None if bias is None else grad_bias, None, None, None


torch.library.register_autograd("videomamba::causal_conv", _gradient, setup_context=_save)
