"""The scan as a PyTorch operator: one for any number of directions, with a fake version and its gradient.

``torch.compile`` and ``torch.export`` see a single opaque node, whatever the backend. Directions travel as parallel
lists, one entry per direction, a tensor without axes where it lacks an input: autograd drops lists that hold None, and
AOTInductor turns empty ones into None. Only the last direction may have an order.

The gradient is an operator too, without a gradient of its own: if it is differentiated, or either is transformed
(``torch.func``, forward mode), the reference computes instead, which autograd differentiates to any order.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from videomamba.ops.backend import SCANS, check_backend, resolve_backend
from videomamba.ops.dtypes import sum_dtype
from videomamba.ops.scan import reference
from videomamba.ops.scan.contract import ScanBackend
from videomamba.ops.scan.direction import ScanDirection, empty_as, laid_out_as, without_constants
from videomamba.ops.transforms import is_transformed, needs_plain_gradient, plain_gradient

Tensors = Sequence[Tensor]


def run_scan(
    directions: Sequence[ScanDirection], z: Tensor | None, *, delta_softplus: bool, backend: str
) -> tuple[Tensor, list[Tensor]]:
    """``(silu(z) * sum of the directions, last states)``.

    Raises:
        UserError: the backend is not known or cannot serve these tensors.
    """
    check_backend(backend)
    tensors = [x for direction in directions for x in direction[:8] if x is not None] + ([] if z is None else [z])
    if backend == "reference" or is_transformed(tensors):
        plain = without_constants(directions)
        out, last_states, _ = reference.forward(plain, z, delta_softplus=delta_softplus)
        return out, last_states
    *given, order, reverse = zip(*directions, strict=True)
    assert all(o is None for o in order[:-1])
    absent = directions[0].A.new_zeros(())
    fields = [[absent if x is None else x for x in field] for field in given]
    save = torch.is_grad_enabled() and any(x.requires_grad for x in tensors)
    out, *rest = _scan(*fields, order[-1], reverse, z, delta_softplus, backend, save)
    return out, rest[: len(directions)]


def _backend(name: str, u: Tensor) -> ScanBackend:
    return SCANS[resolve_backend(name, u.device, u.dtype)]


def _directions(fields: Sequence[Tensors], order: Tensor | None, reverse: Sequence[bool]) -> list[ScanDirection]:
    orders = [None] * (len(reverse) - 1) + [order]
    present: list[Sequence[Any]] = [[x if x.dim() else None for x in field] for field in fields]
    return [ScanDirection(*row) for row in zip(*present, orders, reverse, strict=True)]


def _readable(directions: Sequence[ScanDirection], scan: ScanBackend) -> Sequence[ScanDirection]:
    return directions if scan.takes_constants else without_constants(directions)


@torch.library.custom_op("videomamba::scan", mutates_args=())
def _scan(
    u: Tensors,
    delta: Tensors,
    A: Tensors,
    B: Tensors,
    C: Tensors,
    D: Tensors,
    delta_bias: Tensors,
    initial_state: Tensors,
    order: Tensor | None,
    reverse: Sequence[bool],
    z: Tensor | None,
    delta_softplus: bool,
    backend: str,
    save: bool,
) -> list[Tensor]:
    """The output, the last state of each direction and, with ``save``, what the backend's backward pass reads."""
    directions = _directions((u, delta, A, B, C, D, delta_bias, initial_state), order, reverse)
    scan = _backend(backend, u[0])
    with torch.autocast(u[0].device.type, enabled=False):  # sums and states are float32 whatever the inputs are
        given = _readable(directions, scan)
        out, last_states, saved = scan.forward(given, z, delta_softplus=delta_softplus, save=save)
    return [laid_out_as(out, u[0]), *last_states, *saved]


@_scan.register_fake
def _(  # type: ignore[no-untyped-def]
    u, delta, A, B, C, D, delta_bias, initial_state, order, reverse, z, delta_softplus, backend, save
):
    states = [x.new_empty((x.shape[0], *a.shape), dtype=sum_dtype(x)) for x, a in zip(u, A, strict=True)]
    directions = _directions((u, delta, A, B, C, D, delta_bias, initial_state), order, reverse)
    scan = _backend(backend, u[0])
    saved = scan.saved_like(_readable(directions, scan), z) if save else []
    return [empty_as(u[0]), *states, *saved]


@torch.library.custom_op("videomamba::scan_backward", mutates_args=())
def _scan_backward(
    u: Tensors,
    delta: Tensors,
    A: Tensors,
    B: Tensors,
    C: Tensors,
    D: Tensors,
    delta_bias: Tensors,
    initial_state: Tensors,
    order: Tensor | None,
    reverse: Sequence[bool],
    z: Tensor | None,
    saved: Tensors,
    grad_out: Tensor,
    grad_last_states: Tensors,
    delta_softplus: bool,
    backend: str,
) -> list[Tensor]:
    """Gradients of u of each direction, of delta of each, ..., of z; absent inputs are left out."""
    directions = _directions((u, delta, A, B, C, D, delta_bias, initial_state), order, reverse)
    scan = _backend(backend, u[0])
    assert scan.backward is not None
    with torch.autocast(u[0].device.type, enabled=False):
        given = _readable(directions, scan)
        grads, grad_z = scan.backward(given, z, saved, grad_out, list(grad_last_states), delta_softplus=delta_softplus)
    folded = [grad.folded(direction) for grad, direction in zip(grads, directions, strict=True)]
    outputs: list[Sequence[Any]] = [*zip(*folded, strict=True), [grad_z]]
    inputs: list[Sequence[Any]] = [*zip(*(direction[:8] for direction in directions), strict=True), [z]]
    return [
        laid_out_as(grad, x)
        for pair in zip(outputs, inputs, strict=True)
        for grad, x in zip(*pair, strict=True)
        if grad is not None
    ]


@_scan_backward.register_fake
def _(  # type: ignore[no-untyped-def]
    u,
    delta,
    A,
    B,
    C,
    D,
    delta_bias,
    initial_state,
    order,
    reverse,
    z,
    saved,
    grad_out,
    grad_last_states,
    delta_softplus,
    backend,
):
    inputs = [*u, *delta, *A, *B, *C, *D, *delta_bias, *initial_state, z]
    return [empty_as(x) for x in inputs if _is_given(x)]


def _save(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    *fields, order, ctx.reverse, z, ctx.delta_softplus, ctx.backend, _ = inputs
    saved = output[1 + len(ctx.reverse) :]
    ctx.mark_non_differentiable(*saved)
    ctx.save_for_backward(*(x for field in fields for x in field), z, order, *saved)


def _gradient(ctx: Any, grads: list[Tensor]) -> tuple[Any, ...]:
    """``grads`` of the outputs; zeros where an output was not used."""
    count = len(ctx.reverse)
    tensors = ctx.saved_tensors  # once: activation checkpointing recomputes them
    inputs, (order, *saved) = tensors[: 8 * count + 1], tensors[8 * count + 1 :]
    of_states = grads[1 : 1 + count]
    if needs_plain_gradient(grads):

        def scan(inputs: Sequence[Any]) -> list[Tensor]:
            directions = without_constants(_directions(_fields(inputs, count), order, ctx.reverse))
            with torch.autocast(grads[0].device.type, enabled=False):
                out, states, _ = reference.forward(directions, inputs[-1], delta_softplus=ctx.delta_softplus)
            return [out, *states]

        found = plain_gradient(scan, inputs, [grads[0], *of_states])
    else:
        fields, options = _fields(inputs, count), (ctx.delta_softplus, ctx.backend)
        given = iter(_scan_backward(*fields, order, ctx.reverse, inputs[-1], saved, grads[0], of_states, *options))
        found = [next(given) if _is_given(x) else None for x in inputs]
    return (*_fields(found, count), None, None, found[-1], None, None, None)


def _is_given(x: Tensor | None) -> bool:
    return x is not None and x.dim() > 0


def _fields(flat: Sequence[Any], count: int) -> list[list[Any]]:
    """The eight lists of the directions' tensors, from all in a row."""
    return [list(flat[i * count : (i + 1) * count]) for i in range(8)]


torch.library.register_autograd("videomamba::scan", _gradient, setup_context=_save)
