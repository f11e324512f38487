"""The convolution in C++ on the CPU, as a PyTorch operator with its gradient; the contract of :mod:`.reference`.

If the gradient itself is differentiated or transformed, :mod:`.torch_backend` computes it instead.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from videomamba.ops.conv import torch_backend
from videomamba.ops.native import library
from videomamba.ops.native.library import CConv, CTensor, pointer, rows
from videomamba.ops.transforms import needs_plain_gradient, plain_gradient

AVAILABLE = library.available()[0]  # found once, on import: to torch.compile a constant
DTYPES = (torch.float32, torch.bfloat16)


def serves(x: Tensor) -> bool:
    """Whether these kernels are available and take tensors of this device and dtype."""
    return AVAILABLE and x.device.type == "cpu" and x.dtype in DTYPES


def forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, silu: bool, reverse: bool, order: Tensor | None
) -> Tensor:
    """``y[order[j]] = silu(bias + sum_k weight[:, k] x[order[j - K + 1 + k]])`` for x (B, L, D), weight (D, K).

    Raises:
        UserError: an order is not a permutation.
    """
    return _conv(x, weight, bias, order, reverse, silu)


@torch.library.custom_op("videomamba::causal_conv", mutates_args=())
def _conv(x: Tensor, weight: Tensor, bias: Tensor | None, order: Tensor | None, reverse: bool, silu: bool) -> Tensor:
    problem = _Problem(x, weight, bias, order, reverse, silu)
    out = torch.empty(x.shape, dtype=x.dtype)
    problem.c_conv.out = pointer(out)
    library.best().call("conv_forward", problem.c_conv)
    return out


@_conv.register_fake
def _(x, weight, bias, order, reverse, silu):  # type: ignore[no-untyped-def]
    return torch.empty_like(x, memory_format=torch.contiguous_format)


@torch.library.custom_op("videomamba::causal_conv_backward", mutates_args=())
def _conv_backward(
    grad_out: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, order: Tensor | None, reverse: bool, silu: bool
) -> tuple[Tensor, Tensor, Tensor]:
    problem = _Problem(x, weight, bias, order, reverse, silu)
    grad_out = rows(grad_out.to(x.dtype))
    grad_x = torch.empty(x.shape, dtype=x.dtype)
    grad_taps = torch.empty(len(x), weight.shape[1], weight.shape[0])
    grad_bias = torch.empty(len(x), weight.shape[0])
    problem.c_conv.grad_out = CTensor.of(grad_out)
    problem.c_conv.grad_x = pointer(grad_x)
    problem.c_conv.grad_weight, problem.c_conv.grad_bias = pointer(grad_taps), pointer(grad_bias)
    library.best().call("conv_backward", problem.c_conv)
    return grad_x, grad_taps.sum(0).T.contiguous().to(weight.dtype), grad_bias.sum(0).to(weight.dtype)


@_conv_backward.register_fake
def _(grad_out, x, weight, bias, order, reverse, silu):  # type: ignore[no-untyped-def]
    like_x = torch.empty_like(x, memory_format=torch.contiguous_format)
    return like_x, torch.empty_like(weight), weight.new_empty(weight.shape[0])


class _Problem:
    """The structure a kernel reads, and the tensors that must live as long as it does."""

    def __init__(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, order: Tensor | None, reverse: bool, silu: bool
    ) -> None:
        self.x = rows(x)
        self.taps = weight.float().T.contiguous()
        self.bias = None if bias is None else bias.float().contiguous()
        self.order = None if order is None else order.long().contiguous()
        batch, length, width = x.shape
        self.c_conv = CConv(
            batch=batch,
            length=length,
            width=width,
            taps=weight.shape[1],
            bfloat16=x.dtype == torch.bfloat16,
            silu=silu,
            reverse=reverse,
            threads=torch.get_num_threads(),
            x=CTensor.of(self.x),
            weight=pointer(self.taps),
            bias=pointer(self.bias),
            order=pointer(self.order),
        )


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, bias, order, ctx.reverse, ctx.silu = inputs
    ctx.save_for_backward(x, weight, bias, order)


def _gradient(ctx: Any, grad_out: Tensor) -> tuple[Any, ...]:
    x, weight, bias, order = ctx.saved_tensors
    if needs_plain_gradient([grad_out]):

        def conv(inputs: Sequence[Any]) -> list[Tensor]:
            with torch.autocast(grad_out.device.type, enabled=False):
                return [torch_backend.forward(*inputs, silu=ctx.silu, reverse=ctx.reverse, order=order)]

        grad_x, grad_weight, grad_bias = plain_gradient(conv, (x, weight, bias), [grad_out])
    else:
        grad_x, grad_weight, grad_bias = _conv_backward(grad_out, x, weight, bias, order, ctx.reverse, ctx.silu)
    return grad_x, grad_weight, None if bias is None else grad_bias, None, None, None


torch.library.register_autograd("videomamba::causal_conv", _gradient, setup_context=_save)
