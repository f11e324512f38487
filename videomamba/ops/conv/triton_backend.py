"""The convolution in Triton on a GPU, as a PyTorch operator with its gradient; the contract of :mod:`.reference`.

If the gradient itself is differentiated or transformed, :mod:`.torch_backend` computes it instead.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from videomamba.ops.conv import torch_backend
from videomamba.ops.scan.triton_launch import ceil_div, launch, next_power_of_2
from videomamba.ops.transforms import needs_plain_gradient, plain_gradient
from videomamba.ops.visit import check_permutation

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
TILE = {"T": 32, "BD": 64}
GRADIENT_TILE = {"T": 16, "BD": 64}  # more do not fit in registers
TILES_PER_SPAN = 16  # of a program of the gradient: sums over 256 places leave little to sum
MOST_TAPS = 8  # the kernels are unrolled over them; more are left to PyTorch


def forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, silu: bool, reverse: bool, order: Tensor | None
) -> Tensor:
    """``y[order[j]] = silu(bias + sum_k weight[:, k] x[order[j - K + 1 + k]])`` for x (B, L, D), weight (D, K).

    Raises:
        UserError: an order on the CPU that is not a permutation.
    """
    check_permutation(order)
    return _conv(x, weight, bias, order, reverse, silu)


@torch.library.custom_op("videomamba::causal_conv_triton", mutates_args=())
def _conv(x: Tensor, weight: Tensor, bias: Tensor | None, order: Tensor | None, reverse: bool, silu: bool) -> Tensor:
    from videomamba.ops.conv import triton_kernels

    out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    batch, length, width = x.shape
    tiles = ceil_div(length, TILE["T"])
    launch(
        triton_kernels.conv_forward, batch * tiles * ceil_div(width, TILE["BD"]),
        {**_given(x, weight, bias, order), "out": out, "length": length, "width": width, "tiles": tiles},
        **_meta(weight, reverse, silu),
    )  # fmt: skip
    return out


@_conv.register_fake
def _(x, weight, bias, order, reverse, silu):  # type: ignore[no-untyped-def]
    return torch.empty_like(x, memory_format=torch.contiguous_format)


@torch.library.custom_op("videomamba::causal_conv_triton_backward", mutates_args=())
def _conv_backward(
    grad_out: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, order: Tensor | None, reverse: bool, silu: bool
) -> tuple[Tensor, Tensor, Tensor]:
    from videomamba.ops.conv import triton_kernels

    batch, length, width = x.shape
    taps = weight.shape[1]
    spans = ceil_div(length, GRADIENT_TILE["T"] * TILES_PER_SPAN)
    grad_x = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    of_weight = x.new_empty(spans, batch, taps, width, dtype=torch.float32)
    of_bias = x.new_empty(spans, batch, width, dtype=torch.float32)
    grad_out = _laid(grad_out)
    launch(
        triton_kernels.conv_backward, batch * spans * ceil_div(width, GRADIENT_TILE["BD"]),
        {
            **_given(x, weight, bias, order), "grad_out": grad_out, "grad_b": grad_out.stride(0),
            "grad_l": grad_out.stride(1), "grad_x": grad_x, "grad_weight": of_weight, "grad_bias": of_bias,
            "length": length, "width": width, "spans": spans, "batches": batch, "per_span": TILES_PER_SPAN,
        },
        **{**_meta(weight, reverse, silu), **GRADIENT_TILE}, KP=next_power_of_2(taps),
    )  # fmt: skip
    return grad_x, of_weight.sum((0, 1)).T.contiguous().to(weight.dtype), of_bias.sum((0, 1)).to(weight.dtype)


@_conv_backward.register_fake
def _(grad_out, x, weight, bias, order, reverse, silu):  # type: ignore[no-untyped-def]
    like_x = torch.empty_like(x, memory_format=torch.contiguous_format)
    return like_x, torch.empty_like(weight, memory_format=torch.contiguous_format), weight.new_empty(weight.shape[0])


def _given(x: Tensor, weight: Tensor, bias: Tensor | None, order: Tensor | None) -> dict[str, Any]:
    x = _laid(x)
    return {
        "x": x, "x_b": x.stride(0), "x_l": x.stride(1), "weight": weight.float().contiguous(),
        "bias": None if bias is None else bias.float().contiguous(),
        "order": None if order is None else order.long().contiguous(),
    }  # fmt: skip


def _laid(x: Tensor) -> Tensor:
    """With channels next to each other."""
    return x if x.stride(-1) == 1 or x.shape[-1] <= 1 else x.contiguous()


def _meta(weight: Tensor, reverse: bool, silu: bool) -> dict[str, Any]:
    return {**TILE, "K": weight.shape[1], "REVERSE": reverse, "SILU": silu, "num_warps": 4}


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


torch.library.register_autograd("videomamba::causal_conv_triton", _gradient, setup_context=_save)
