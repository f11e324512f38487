"""The scan's public functions: they check their arguments and call the operator.

Derivatives: reverse mode runs on every backend. Under a transform of ``torch.func``, with forward-mode tangents and for
gradients of gradients, the reference computes instead of the chosen backend: correct, and as slow as a loop over
tokens.
"""

import math
from typing import Literal, overload

import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.ops.dtypes import check_floats
from videomamba.ops.scan.direction import ScanDirection
from videomamba.ops.scan.op import run_scan
from videomamba.ops.visit import check_order


@overload
def bidirectional_scan(
    forward: ScanDirection,
    backward: ScanDirection,
    z: Tensor | None = None,
    *,
    order: Tensor | None = None,
    delta_softplus: bool = True,
    return_last_state: Literal[False] = False,
    backend: str = "auto",
) -> Tensor: ...
@overload
def bidirectional_scan(
    forward: ScanDirection,
    backward: ScanDirection,
    z: Tensor | None = None,
    *,
    order: Tensor | None = None,
    delta_softplus: bool = True,
    return_last_state: Literal[True],
    backend: str = "auto",
) -> tuple[Tensor, tuple[Tensor, Tensor]]: ...
def bidirectional_scan(
    forward: ScanDirection,
    backward: ScanDirection,
    z: Tensor | None = None,
    *,
    order: Tensor | None = None,
    delta_softplus: bool = True,
    return_last_state: bool = False,
    backend: str = "auto",
) -> Tensor | tuple[Tensor, tuple[Tensor, Tensor]]:
    """``silu(z) * (scan(forward) + scan(backward))``: the ST-SSM's core, both directions under a single gate.

    Args:
        forward: inputs of the first direction, which visits the tokens in their natural order.
        backward: inputs of the second, in natural order too.
        z: (B, L, D) gate, or None for no gate.
        order: (L,) int64, the order in which the second direction visits the tokens; None: last to first.
        delta_softplus: whether the step size goes through softplus.
        return_last_state: also return the state of each direction after the last token that it visited.
        backend: see :mod:`videomamba.ops.backend`.

    Returns:
        (B, L, D) in u's dtype, tokens in natural order; with ``return_last_state`` also the pair of (B, D, N). Step
        size, weights, states and sums are float32 (float64 for float64).

    Raises:
        UserError: shapes do not fit each other, complex or whole numbers, or the backend cannot serve these tensors.

    Example:
        >>> from videomamba.ops import ScanDirection, bidirectional_scan
        >>> u, z, (B, C) = torch.randn(2, 9, 16), torch.randn(2, 9, 16), torch.randn(2, 2, 9, 4)
        >>> direction = ScanDirection(u=u, delta=torch.rand(2, 9, 16), A=-torch.ones(16, 4), B=B, C=C)
        >>> bidirectional_scan(direction, direction, z).shape
        torch.Size([2, 9, 16])
    """
    second = backward._replace(order=order, reverse=order is None)
    out, (first_state, second_state) = _run([forward, second], z, delta_softplus, backend)
    return (out, (first_state, second_state)) if return_last_state else out


def directional_scan(
    direction: ScanDirection, z: Tensor | None = None, *, delta_softplus: bool = False, backend: str = "auto"
) -> tuple[Tensor, Tensor]:
    """One direction, channels last: ``(silu(z) * y, last state)``, (B, L, D) and (B, D, N); see the function above."""
    out, (last_state,) = _run([direction], z, delta_softplus, backend)
    return out, last_state


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
    *,
    initial_state: Tensor | None = None,
    reverse: bool = False,
    backend: str = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    """The scan with the arguments, layouts and meaning of mamba-ssm's ``selective_scan_fn``.

    Args:
        u, delta, z: (B, D, L).
        A: (D, N), negative. Complex A, which mamba-ssm takes as well, is refused.
        B, C: (B, N, L) or (B, G, N, L), or (D, N) where they do not depend on the input: these keep their precision
            beside half-precision u, as A, D and delta_bias do.
        D, delta_bias: (D,).
        return_last_state: also return the state after the last visited token.
        initial_state: (B, D, N) state before the first.
        reverse: walk the tokens from last to first.

    Returns:
        (B, D, L) in u's dtype; with ``return_last_state`` also (B, D, N) float32 (float64 for float64).

    Raises:
        UserError: shapes do not fit each other, complex or whole numbers, or the backend cannot serve these tensors.

    Example:
        >>> u, delta, (B, C) = torch.randn(2, 16, 9), torch.rand(2, 16, 9), torch.randn(2, 2, 4, 9)
        >>> videomamba.ops.selective_scan(u, delta, -torch.ones(16, 4), B, C, delta_softplus=True).shape
        torch.Size([2, 16, 9])
    """
    check_floats("the scan", u=u, delta=delta, B=B, C=C)

    def channels_last(x: Tensor) -> Tensor:
        return x if x.dim() == 2 else x.movedim(-1, 1)

    direction = ScanDirection(
        u=u.transpose(1, 2),
        delta=delta.transpose(1, 2),
        A=A,
        B=channels_last(B),
        C=channels_last(C),
        D=D,
        delta_bias=delta_bias,
        initial_state=initial_state,
        reverse=reverse,
    )
    gate = None if z is None else z.transpose(1, 2)
    out, last_state = directional_scan(direction, gate, delta_softplus=delta_softplus, backend=backend)
    out = out.transpose(1, 2)
    return (out, last_state) if return_last_state else out


def _run(
    directions: list[ScanDirection], z: Tensor | None, delta_softplus: bool, backend: str
) -> tuple[Tensor, list[Tensor]]:
    dtype = directions[0].u.dtype
    if any(x.dim() == 2 for d in directions for x in (d.B, d.C)):  # these keep their precision: then all is float32
        directions = [d._replace(u=d.u.to(torch.promote_types(d.u.dtype, torch.float32))) for d in directions]
    u = directions[0].u
    directions = [_checked(direction, u) for direction in directions]
    groups = math.lcm(*(x.shape[2] for d in directions for x in (d.B, d.C) if x.dim() == 4))
    directions = [_with_groups(direction, groups) for direction in directions]
    if z is not None:
        _require("z", z, tuple(u.shape))
        check_floats("the scan", z=z)
        z = z.to(u.dtype)
    out, last_states = run_scan(directions, z, delta_softplus=delta_softplus, backend=backend)
    return out.to(dtype), last_states


def _checked(direction: ScanDirection, first_u: Tensor) -> ScanDirection:
    """The direction with B and C as (B, L, G, N) and all per-token inputs in u's dtype."""
    u = direction.u
    check_floats("the scan", **dict(zip(direction._fields[:8], direction[:8], strict=True)))
    if u.dim() != 3:
        raise UserError(f"u has shape {tuple(u.shape)}; expected three axes, (B, L, D)")
    _require("u", u, tuple(first_u.shape))
    batch, length, width = u.shape
    _require("delta", direction.delta, (batch, length, width))
    if direction.A.dim() != 2 or direction.A.shape[0] != width:
        raise UserError(f"A has shape {tuple(direction.A.shape)}; expected (D, N) with D = {width}")
    states = direction.A.shape[1]
    # in u's dtype before channels share them, so that their gradients are summed in it and rounded once
    B, C = (_weights(name, x, u, states).to(first_u.dtype) for name, x in (("B", direction.B), ("C", direction.C)))
    for name, x in (("D", direction.D), ("delta_bias", direction.delta_bias)):
        if x is not None:
            _require(name, x, (width,))
    if direction.initial_state is not None:
        _require("initial_state", direction.initial_state, (batch, width, states))
    check_order(direction.order, length, direction.reverse)
    dtype = first_u.dtype
    return direction._replace(u=u.to(dtype), delta=direction.delta.to(dtype), B=B, C=C)


def _weights(name: str, x: Tensor, u: Tensor, states: int) -> Tensor:
    """B or C as (B, L, G, N), or (D, N) where constant."""
    batch, length, width = u.shape
    if x.dim() == 2 and tuple(x.shape) == (width, states):
        return x
    x = x.unsqueeze(2) if x.dim() == 3 else x
    if x.dim() != 4 or x.shape[:2] != (batch, length) or x.shape[3] != states or not _divides(x.shape[2], width):
        raise UserError(
            f"{name} has shape {tuple(x.shape)}; expected (B, L, N) or (B, L, G, N) with B = {batch}, L = {length}, "
            f"N = {states} and G dividing D = {width}, or (D, N) where it is the same for every token"
        )
    return x


def _divides(groups: int, width: int) -> bool:
    return groups > 0 and width % groups == 0


def _with_groups(direction: ScanDirection, groups: int) -> ScanDirection:
    """The direction with B and C of this many groups, of which it has a divisor."""

    def grouped(x: Tensor) -> Tensor:
        return x if x.dim() == 2 or x.shape[2] == groups else x.repeat_interleave(groups // x.shape[2], dim=2)

    return direction._replace(B=grouped(direction.B), C=grouped(direction.C))


def _require(name: str, x: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(x.shape) != shape:
        raise UserError(f"{name} has shape {tuple(x.shape)}; expected {shape}")
