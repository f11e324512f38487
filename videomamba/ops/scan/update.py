"""The next token of a scan."""

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.errors import UserError
from videomamba.ops.dtypes import check_floats, sum_dtype


def selective_state_update(
    state: Tensor,
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    dt_bias: Tensor | None = None,
    dt_softplus: bool = False,
) -> Tensor:
    """The next token, with the arguments and the meaning of mamba-ssm's function of this name.

    ``selective_scan(..., return_last_state=True)`` gives the state to start from. Computes in float32, or
    float64 when x is float64; any derivative is defined.

    Args:
        state: (B, D, N) **changed in place** to the state after this token; or (B, heads, D, N).
        x, dt, z: (B, D), or (B, heads, D).
        A: (D, N), or (heads, D, N).
        B, C: (B, N), or (B, G, N) with G dividing the heads.
        D, dt_bias: (D,), or (heads, D).
        dt_softplus: whether the step size goes through softplus.

    Returns:
        y as x, in its dtype.

    Raises:
        UserError: shapes do not fit each other, or complex or whole numbers.
    """
    check_floats("the state update", state=state, x=x, dt=dt, A=A, B=B, C=C, D=D, z=z, dt_bias=dt_bias)
    _check_shapes(state, x, {"dt": dt, "z": z}, {"A": A}, {"D": D, "dt_bias": dt_bias})
    dtype = sum_dtype(x)
    before = state.to(dtype, copy=torch.is_grad_enabled())  # the gradient reads it after the change
    step = dt.to(dtype)
    if dt_bias is not None:
        step = step + dt_bias.to(dtype)
    if dt_softplus:
        step = F.softplus(step)
    b, c = (_per_head(name, w, state).to(dtype) for name, w in (("B", B), ("C", C)))
    after = torch.exp(step[..., None] * A.to(dtype)) * before + (step * x.to(dtype))[..., None] * b
    state.copy_(after)
    y = (after * c).sum(-1)
    if D is not None:
        y = y + D.to(dtype) * x.to(dtype)
    if z is not None:
        y = y * F.silu(z.to(dtype))
    return y.to(x.dtype)


def _per_head(name: str, weights: Tensor, state: Tensor) -> Tensor:
    """(B, N) or (B, G, N) -> (B, 1, N), or (B, heads, 1, N) where there are heads."""
    batch, states = state.shape[0], state.shape[-1]
    grouped = weights.unsqueeze(1) if weights.dim() == 2 else weights
    heads = state.shape[1] if state.dim() == 4 else 1
    fits = grouped.dim() == 3 and grouped.shape[0] == batch and grouped.shape[2] == states
    if not fits or heads % max(1, grouped.shape[1]) != 0 or grouped.shape[1] > heads:
        raise UserError(
            f"{name} has shape {tuple(weights.shape)}; expected (B, N) or (B, G, N) with B = {batch}, N = {states} "
            f"and G dividing {heads}, the heads"
        )
    if state.dim() == 3:
        return grouped
    return grouped.repeat_interleave(heads // grouped.shape[1], 1).unsqueeze(2)


def _check_shapes(
    state: Tensor,
    x: Tensor,
    per_token: dict[str, Tensor | None],
    per_state: dict[str, Tensor],
    per_channel: dict[str, Tensor | None],
) -> None:
    if state.dim() not in (3, 4) or x.shape != state.shape[:-1]:
        raise UserError(
            f"state has shape {tuple(state.shape)} and x {tuple(x.shape)}; expected (B, D, N) and (B, D), or "
            "(B, heads, D, N) and (B, heads, D)"
        )
    for group, expected in ((per_token, x.shape), (per_state, state.shape[1:]), (per_channel, x.shape[1:])):
        for name, tensor in group.items():
            if tensor is not None and tensor.shape != expected:
                raise UserError(f"{name} has shape {tuple(tensor.shape)}; expected {tuple(expected)}")
