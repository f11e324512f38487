"""The convolution's public functions."""

from torch import Tensor

from videomamba.ops.backend import backend_module, resolve_backend


def causal_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    silu: bool = True,
    reverse: bool = False,
    order: Tensor | None = None,
    backend: str = "auto",
) -> Tensor:
    """Depthwise convolution in which a token sees itself and the K - 1 visited before it; channels last.

    Args:
        x: (B, L, D) tokens in natural order.
        weight: (D, K); the last tap is the token itself.
        bias: (D,) or None.
        silu: apply SiLU to the result.
        reverse: visit the tokens from last to first.
        order: (L,) int64, the order of the visit (instead of ``reverse``).
        backend: see :mod:`videomamba.ops.backend`.

    Returns:
        (B, L, D) in x's dtype, in natural order.

    Raises:
        ValueError: shapes do not fit each other, or the backend cannot serve these tensors.
    """
    if x.dim() != 3 or weight.dim() != 2 or weight.shape[0] != x.shape[2]:
        raise ValueError(
            f"x has shape {tuple(x.shape)} and weight {tuple(weight.shape)}; expected (B, L, D) and (D, K) with one D"
        )
    if bias is not None and tuple(bias.shape) != (x.shape[2],):
        raise ValueError(f"bias has shape {tuple(bias.shape)}; expected ({x.shape[2]},)")
    if order is not None and (reverse or tuple(order.shape) != (x.shape[1],)):
        raise ValueError(f"order takes shape ({x.shape[1]},) and excludes reverse; it has shape {tuple(order.shape)}")
    name = resolve_backend(backend, x.device, x.dtype)
    module = backend_module("conv", "torch" if name == "triton" else name)  # cuDNN's convolution serves GPUs
    out: Tensor = module.forward(x, weight, bias, silu=silu, reverse=reverse, order=order)
    return out


def causal_conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    activation: str | None = None,
    *,
    reverse: bool = False,
    backend: str = "auto",
) -> Tensor:
    """:func:`causal_conv` in the layout of the causal-conv1d package.

    Args:
        x: (B, D, L).
        weight, bias, reverse, backend: as in :func:`causal_conv`.
        activation: None, "silu" or "swish" (the same).

    Returns:
        (B, D, L) in x's dtype.

    Raises:
        ValueError: as :func:`causal_conv`, or for another activation.
    """
    if activation not in (None, "silu", "swish"):
        raise ValueError(f"unknown activation {activation!r}; choose None, 'silu' or 'swish'")
    out = causal_conv(x.transpose(1, 2), weight, bias, silu=activation is not None, reverse=reverse, backend=backend)
    return out.transpose(1, 2)
