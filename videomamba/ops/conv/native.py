"""The convolution in C++ on the CPU, as a PyTorch operator with its gradient; the contract of :mod:`.reference`.

If the gradient itself is differentiated or transformed, :mod:`.torch_backend` computes it instead.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from videomamba.ops.conv import torch_backend
from videomamba.ops.native import library
from videomamba.ops.native.library import CConv, CConvDirection, CTensor, float32, pointer, rows
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


class ConvDirection(NamedTuple):
    """One convolution of several over the same x, with as many taps: its (D, K) weight, its bias and its visit."""

    weight: Tensor
    bias: Tensor | None
    order: Tensor | None
    reverse: bool


def run_forward(
    x: Tensor, directions: Sequence[ConvDirection], *, silu: bool, outs: Sequence[Tensor] | None = None
) -> Sequence[Tensor]:
    """(B, L, D) of each direction, in one call that reads x once; no operator, so autograd does not see it.

    Args:
        outs: where to write them, with a contiguous last axis; None: new tensors.
    """
    problem = _Problem(x, directions, silu)
    outs = [torch.empty(x.shape, dtype=x.dtype) for _ in directions] if outs is None else outs
    for c_direction, out in zip(problem.c_directions, outs, strict=True):
        c_direction.out = CTensor.of(out)
    library.best().call("conv_forward", problem.c_conv)
    return outs


def run_backward(
    x: Tensor,
    directions: Sequence[ConvDirection],
    grad_outs: Sequence[Tensor],
    *,
    silu: bool,
    grad_x: Tensor | None = None,
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Gradients of :func:`run_forward`: of x, summed over the directions, and of each direction's weight and bias.

    Args:
        grad_x: where to write the first, (B, L, D) with a contiguous last axis; None: a new tensor.
    """
    problem = _Problem(x, directions, silu)
    grad_x = torch.empty(x.shape, dtype=x.dtype) if grad_x is None else grad_x
    problem.c_conv.grad_x = CTensor.of(grad_x)
    grad_outs = [rows(grad.to(x.dtype)) for grad in grad_outs]
    of_weights = [(torch.empty(d.weight.shape), torch.empty(d.weight.shape[0])) for d in directions]
    for c_direction, grad, (of_weight, of_bias) in zip(problem.c_directions, grad_outs, of_weights, strict=True):
        c_direction.grad_out = CTensor.of(grad)
        c_direction.grad_weight, c_direction.grad_bias = pointer(of_weight), pointer(of_bias)
    library.best().call("conv_backward", problem.c_conv)
    dtypes = [d.weight.dtype for d in directions]
    return grad_x, [
        (of_weight.to(dtype), of_bias.to(dtype)) for dtype, (of_weight, of_bias) in zip(dtypes, of_weights, strict=True)
    ]


@torch.library.custom_op("videomamba::causal_conv", mutates_args=())
def _conv(x: Tensor, weight: Tensor, bias: Tensor | None, order: Tensor | None, reverse: bool, silu: bool) -> Tensor:
    return run_forward(x, [ConvDirection(weight, bias, order, reverse)], silu=silu)[0]


@_conv.register_fake
def _(x, weight, bias, order, reverse, silu):  # type: ignore[no-untyped-def]
    return torch.empty_like(x, memory_format=torch.contiguous_format)


@torch.library.custom_op("videomamba::causal_conv_backward", mutates_args=())
def _conv_backward(
    grad_out: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, order: Tensor | None, reverse: bool, silu: bool
) -> tuple[Tensor, Tensor, Tensor]:
    direction = ConvDirection(weight, bias, order, reverse)
    grad_x, [(grad_weight, grad_bias)] = run_backward(x, [direction], [grad_out], silu=silu)
    return grad_x, grad_weight, grad_bias


@_conv_backward.register_fake
def _(grad_out, x, weight, bias, order, reverse, silu):  # type: ignore[no-untyped-def]
    like_x = torch.empty_like(x, memory_format=torch.contiguous_format)
    return like_x, torch.empty_like(weight), weight.new_empty(weight.shape[0])


class _Problem:
    """The structures a kernel reads, and the tensors that must live as long as they do."""

    def __init__(self, x: Tensor, directions: Sequence[ConvDirection], silu: bool) -> None:
        self.x = rows(x)
        self.directions = [
            ConvDirection(
                float32(d.weight),
                None if d.bias is None else float32(d.bias),
                None if d.order is None else d.order.long().contiguous(),
                d.reverse,
            )
            for d in directions
        ]
        self.c_directions = (CConvDirection * len(directions))(
            *(CConvDirection(*map(pointer, d[:3]), d.reverse) for d in self.directions)
        )
        batch, length, width = x.shape
        self.c_conv = CConv(
            batch=batch,
            length=length,
            width=width,
            taps=directions[0].weight.shape[1],
            bfloat16=x.dtype == torch.bfloat16,
            silu=silu,
            threads=torch.get_num_threads(),
            direction_count=len(directions),
            directions=self.c_directions,
            x=CTensor.of(self.x),
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
