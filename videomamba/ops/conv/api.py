"""The convolution's public functions."""

from types import ModuleType
from typing import Literal, overload

import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.ops.backend import check_backend, resolve_backend
from videomamba.ops.conv import native, reference, torch_backend, triton_backend
from videomamba.ops.dtypes import check_floats
from videomamba.ops.transforms import is_transformed
from videomamba.ops.visit import check_order, visited


@overload
def causal_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    silu: bool = True,
    reverse: bool = False,
    order: Tensor | None = None,
    initial_states: Tensor | None = None,
    return_final_states: Literal[False] = False,
    backend: str = "auto",
) -> Tensor: ...
@overload
def causal_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    silu: bool = True,
    reverse: bool = False,
    order: Tensor | None = None,
    initial_states: Tensor | None = None,
    return_final_states: Literal[True],
    backend: str = "auto",
) -> tuple[Tensor, Tensor]: ...
def causal_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    silu: bool = True,
    reverse: bool = False,
    order: Tensor | None = None,
    initial_states: Tensor | None = None,
    return_final_states: bool = False,
    backend: str = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    """Depthwise convolution over each token and the K - 1 tokens visited before it; channels last.

    Args:
        x: (B, L, D) tokens in natural order.
        weight: (D, K); the last tap is the token itself.
        bias: (D,) or None.
        silu: apply SiLU to the result.
        reverse: visit the tokens from last to first.
        order: (L,) int64, the order of the visit (instead of ``reverse``).
        initial_states: (B, K - 1, D) tokens visited before the first, oldest first; zeros when None.
        return_final_states: also return the last K - 1 tokens visited, the ``initial_states`` of the continuation.
        backend: see :mod:`videomamba.ops.backend`.

    Returns:
        (B, L, D) in x's dtype, in natural order; with ``return_final_states`` also (B, K - 1, D). Weights keep their
        precision and sums are float32 (float64 for float64). Every derivative is defined: reverse and forward mode,
        ``torch.func``, second order.

    Raises:
        UserError: shapes do not fit each other, complex or whole numbers, or the backend cannot serve these tensors.
    """
    if x.dim() != 3 or weight.dim() != 2 or weight.shape[0] != x.shape[2]:
        raise UserError(
            f"x has shape {tuple(x.shape)} and weight {tuple(weight.shape)}; expected (B, L, D) and (D, K) with one D"
        )
    if bias is not None and tuple(bias.shape) != (x.shape[2],):
        raise UserError(f"bias has shape {tuple(bias.shape)}; expected ({x.shape[2]},)")
    check_floats("the convolution", x=x, weight=weight, bias=bias, initial_states=initial_states)
    check_order(order, x.shape[1], reverse)
    module = _implementation(backend, weight.shape[1], x, weight, bias, initial_states)
    past = _past(x, weight.shape[1] - 1, initial_states)
    if initial_states is None:
        out: Tensor = module.forward(x, weight, bias, silu=silu, reverse=reverse, order=order)
    else:
        out = _after(past, module, x, weight, bias, silu=silu, reverse=reverse, order=order)
    if not return_final_states:
        return out
    return out, torch.cat([past, visited(x, order, reverse)], 1)[:, x.shape[1] :]


def _implementation(backend: str, taps: int, *tensors: Tensor | None) -> ModuleType:
    check_backend(backend)
    x = tensors[0]
    assert x is not None
    if backend == "native" and not native.serves(x):
        resolve_backend(backend, x.device, x.dtype)  # says why not
    if backend == "reference":
        return reference
    if is_transformed(tensors):
        return torch_backend
    if backend in ("auto", "native") and native.serves(x):
        return native
    if backend in ("auto", "triton") and _triton_serves(backend, x, taps):
        return triton_backend
    return torch_backend


def _triton_serves(backend: str, x: Tensor, taps: int) -> bool:
    """Whether the convolution's kernels take what the scan's do: these dtypes, on a GPU."""
    return (
        x.dtype in triton_backend.DTYPES
        and taps <= triton_backend.MOST_TAPS
        and resolve_backend(backend, x.device, x.dtype) == "triton"
    )


def _past(x: Tensor, length: int, initial_states: Tensor | None) -> Tensor:
    """(B, K - 1, D) tokens before the first."""
    expected = (x.shape[0], length, x.shape[2])
    if initial_states is None:
        return x.new_zeros(expected)
    if tuple(initial_states.shape) != expected:
        raise UserError(f"initial_states has shape {tuple(initial_states.shape)}; expected (B, K - 1, D) = {expected}")
    return initial_states.to(x.dtype)


def _after(
    past: Tensor,
    module: ModuleType,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    silu: bool,
    reverse: bool,
    order: Tensor | None,
) -> Tensor:
    """The convolution of a sequence that continues ``past``, which is visited first."""
    before, length = past.shape[1], x.shape[1]
    if order is not None:
        order = torch.cat([torch.arange(before, device=order.device), order + before])
    longer = torch.cat([x, past.flip(1)] if reverse else [past, x], 1)
    out: Tensor = module.forward(longer, weight, bias, silu=silu, reverse=reverse, order=order)
    return out[:, :length] if reverse else out[:, before:]


def causal_conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    activation: str | None = None,
    *,
    initial_states: Tensor | None = None,
    return_final_states: bool = False,
    reverse: bool = False,
    backend: str = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    """:func:`causal_conv` in the layout of the causal-conv1d package (its ``causal_conv1d_fn``).

    Args:
        x: (B, D, L).
        weight, bias, return_final_states, reverse, backend: as in :func:`causal_conv`.
        activation: None, "silu" or "swish" (the same).
        initial_states: (B, D, K - 1).

    Returns:
        (B, D, L) in x's dtype; with ``return_final_states`` also (B, D, K - 1).

    Raises:
        UserError: as :func:`causal_conv`, or for another activation.

    Example:
        >>> x, weight = torch.randn(2, 16, 9), torch.randn(16, 4)
        >>> videomamba.ops.causal_conv1d(x, weight, activation="silu").shape
        torch.Size([2, 16, 9])
    """
    out, final_states = causal_conv(
        x.transpose(1, 2),
        weight,
        bias,
        silu=_is_silu(activation),
        reverse=reverse,
        initial_states=None if initial_states is None else initial_states.transpose(1, 2),
        return_final_states=True,
        backend=backend,
    )
    out = out.transpose(1, 2)
    return (out, final_states.transpose(1, 2)) if return_final_states else out


def causal_conv1d_update(
    x: Tensor,
    conv_state: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    activation: str | None = None,
    *,
    backend: str = "auto",
) -> Tensor:
    """The next token, or the next few, of a convolution that is continued; causal-conv1d's ``causal_conv1d_update``.

    Args:
        x: (B, D), or (B, D, L) for several tokens.
        conv_state: (B, D, S) the S >= K - 1 last inputs, oldest first; **changed in place** to those after x. The
            ``final_states`` of :func:`causal_conv1d` are one.
        weight: (D, K).
        bias: (D,) or None.
        activation: None, "silu" or "swish" (the same).

    Returns:
        As x, in its dtype.

    Raises:
        UserError: as :func:`causal_conv1d`, or a state that is too short.
    """
    tokens = x.unsqueeze(2) if x.dim() == 2 else x
    taps, length = weight.shape[-1], conv_state.shape[-1]
    if conv_state.dim() != 3 or tokens.dim() != 3 or conv_state.shape[:2] != tokens.shape[:2] or length < taps - 1:
        raise UserError(
            f"x has shape {tuple(x.shape)} and conv_state {tuple(conv_state.shape)}; expected (B, D) or (B, D, L), "
            f"and (B, D, S) with S >= K - 1 = {taps - 1}"
        )
    before = conv_state.clone()
    out = causal_conv1d(
        tokens, weight, bias, activation, initial_states=before[..., length - taps + 1 :], backend=backend
    )
    assert isinstance(out, Tensor)
    conv_state.copy_(torch.cat([before, tokens.to(before.dtype)], 2)[..., tokens.shape[2] :])
    return out.squeeze(2) if x.dim() == 2 else out


def _is_silu(activation: str | None) -> bool:
    if activation not in (None, "silu", "swish"):
        raise UserError(f"unknown activation {activation!r}; choose None, 'silu' or 'swish'")
    return activation is not None
