"""The ST-SSM's core on the CPU's compiled kernels, with a gradient that computes again what is cheap to compute.

What both directions have of a kind lies in one tensor (2, B, L, ...), so that each projection is one product for both.

Kept for the gradient: xz (the input), per token what x_proj gives, and the scan's states of every 32nd token, half of
xz's size. The convolved channels and the step sizes of both directions are computed again, and the result on the scan's
way back.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from videomamba.ops.conv import native as conv
from videomamba.ops.conv.native import ConvDirection
from videomamba.ops.mixer import reference
from videomamba.ops.mixer.product import by_onednn, linear
from videomamba.ops.mixer.reference import SSMWeights
from videomamba.ops.native.library import same_bytes
from videomamba.ops.native.scratch import lasting, scratch
from videomamba.ops.scan import native as scan
from videomamba.ops.scan.direction import ScanDirection, ScanGradients
from videomamba.ops.transforms import is_transformed, is_watched, needs_plain_gradient, plain_gradient
from videomamba.ops.visit import check_order

_COUNT = len(SSMWeights._fields)
_PLAIN = (Tensor, torch.nn.Parameter)
_decays = WeakTensorKeyDictionary()  # A_log -> its numbers then, and what they gave
Pair = tuple[SSMWeights, SSMWeights]


def serves(
    x: Tensor, first: SSMWeights, second: SSMWeights, in_proj: Tensor | None = None, out_proj: Tensor | None = None
) -> bool:
    """Whether these kernels take these tensors here and now: plain ones on a CPU, and nothing has to see operators."""
    ends = [w for w in (in_proj, out_proj) if w is not None]
    tensors = (x, *first, *second, *ends)
    if not all(type(x) in _PLAIN and x.is_cpu for x in tensors):
        return False
    is_autocast, dtype = torch.is_autocast_enabled("cpu"), _dtype(first)
    return (
        conv.AVAILABLE
        and dtype in conv.DTYPES
        and (x.dtype == dtype or (is_autocast and in_proj is not None and x.dtype == in_proj.dtype == torch.float32))
        and (is_autocast or all(w.dtype == dtype for w in (*first[2:4], *second[2:4], *ends)))
        and x.dim() == 3
        and (x.shape[-1] if in_proj is None else len(in_proj)) == 2 * len(first.D)
        and all(a.shape == b.shape for a, b in zip(first, second, strict=True))
        and not torch.jit.is_tracing()
        and not is_watched()
        and not is_transformed(tensors)
    )


def _dtype(weights: SSMWeights) -> torch.dtype:
    """Of the products, and of all that lies between them."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else weights.x_proj.dtype


def forward(
    x: Tensor,
    first: SSMWeights,
    second: SSMWeights,
    *,
    order: Tensor | None,
    in_proj: Tensor | None = None,
    out_proj: Tensor | None = None,
) -> Tensor:
    """The contract of :mod:`.reference`.

    Raises:
        UserError: an order is not a permutation.
    """
    check_order(order, x.shape[1], reverse=False)
    given = (x, in_proj, out_proj, *first, *second)
    if torch.is_grad_enabled() and any(each is not None and each.requires_grad for each in given):
        xz = x if in_proj is None else linear(x, in_proj)
        out: Tensor = _Core.apply(xz, order, out_proj, *first, *second)
        return out
    return _run(x, (first, second), order, in_proj, out_proj, save=False)[0]


def _run(
    x: Tensor, pair: Pair, order: Tensor | None, in_proj: Tensor | None, out_proj: Tensor | None, *, save: bool
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """The result, what x_proj gives, and, with ``save``, the scan's states for the gradient."""
    dtype, shape = _dtype(pair[0]), (*x.shape[:2], len(pair[0].D))
    with torch.autocast("cpu", enabled=False):
        if in_proj is not None:
            x, in_proj = x.to(dtype), in_proj.to(dtype)
        keeps_xz = in_proj is not None and not by_onednn(x, in_proj)
        room = scratch(7 if keeps_xz else 5, shape, dtype)
        if in_proj is not None:
            x = linear(x, in_proj, _end(room) if keeps_xz else None)
        x, z = x.chunk(2, dim=-1)
        us = room[:2]
        conv.run_forward(x, _convolutions(pair, order), silu=True, outs=us.unbind())
        weights = torch.stack([direction.x_proj for direction in pair]).to(dtype)
        projected = torch.bmm(us.flatten(1, 2), weights.mT).view(*us.shape[:-1], weights.shape[1])
        directions = _directions(us, projected, pair, order, room[2:4])
        out = torch.empty(shape, dtype=dtype) if out_proj is None else room[4]
        _, _, states = scan.forward(directions, z, delta_softplus=True, save=save, last=False, out=out)
        return (out if out_proj is None else linear(out, out_proj.to(dtype))), projected, states


def _end(room: Tensor) -> Tensor:
    """The last two tensors of the room, each (B, L, D), as one (B L, 2 D)."""
    rows, both = room[0].shape[:2].numel(), 2 * room.shape[-1]
    return room.as_strided((rows, both), (both, 1), room.storage_offset() + (len(room) - 2) * room.stride(0))


class _Core(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, xz: Tensor, order: Tensor | None, out_proj: Tensor | None, *weights: Tensor) -> Tensor:
        out, projected, states = _run(xz, _pair(weights), order, None, out_proj, save=True)
        ctx.save_for_backward(xz, order, out_proj, *weights, projected, *states)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        xz, order, out_proj, *rest = ctx.saved_tensors  # once: activation checkpointing recomputes them
        weights, projected, states = rest[: 2 * _COUNT], rest[-3], rest[-2:]
        with torch.autocast("cpu", enabled=False):
            if needs_plain_gradient(grads):
                found = _plain_gradient(xz, out_proj, weights, order, grads)
            else:
                found = _gradient(xz, out_proj, _pair(weights), order, projected, states, grads[0])
        return found[0], None, *found[1:]


def _gradient(
    xz: Tensor,
    out_proj: Tensor | None,
    pair: Pair,
    order: Tensor | None,
    projected: Tensor,
    states: Sequence[Tensor],
    grad: Tensor,
) -> list[Tensor | None]:
    """Of xz, of out_proj, then of each direction's weights."""
    x, z = xz.chunk(2, dim=-1)
    convolutions = _convolutions(pair, order)
    grad = grad.to(xz.dtype)
    back = None if out_proj is None else out_proj.to(xz.dtype).T
    keeps_of_out = back is not None and not by_onednn(grad, back)
    room = scratch(8 if keeps_of_out else 7, x.shape, x.dtype)
    out, us, deltas, of_us = room[0], room[1:3], room[3:5], room[5:7]
    conv.run_forward(x, convolutions, silu=True, outs=us.unbind())
    directions = _directions(us, projected, pair, order, deltas)
    grad_xz = torch.empty(xz.shape, dtype=xz.dtype)
    grad_x, grad_z = grad_xz.chunk(2, dim=-1)
    given = grad if back is None else linear(grad, back, room[7].flatten(0, 1) if keeps_of_out else None)
    places = [*of_us, *deltas]  # those of delta over delta itself
    grads, _ = scan.backward(
        directions, z, states, given, [None, None], delta_softplus=True, out=out, grad_z=grad_z, room=places
    )
    of_out_proj = None
    if out_proj is not None:
        of_out_proj = (grad.flatten(0, 1).T @ out.flatten(0, 1)).to(out_proj.dtype)
    decays = [direction.A for direction in directions]
    of_projections = _through_projections(us, projected, grads, pair, of_us, deltas)
    _, of_convolutions = conv.run_backward(x, convolutions, of_us.unbind(), silu=True, grad_x=grad_x)
    found: list[Tensor | None] = [grad_xz, of_out_proj]
    each = zip(pair, grads, decays, *of_projections, of_convolutions, strict=True)
    for weights, of_scan, decay, of_x_proj, of_dt_proj, of_convolution in each:
        of_rate = (_given(of_scan.A) * decay, _given(of_scan.D))
        parts = (*of_convolution, of_x_proj, of_dt_proj, _given(of_scan.delta_bias), *of_rate)
        found += [part.to(w.dtype) for part, w in zip(parts, weights, strict=True)]
    return found


def _through_projections(
    us: Tensor, projected: Tensor, grads: Sequence[ScanGradients], pair: Pair, of_us: Tensor, of_deltas: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of x_proj and dt_proj, (2, ...); ``of_us`` gets, in place, what comes through them."""
    rank, states = pair[0].dt_proj.shape[1], pair[0].A_log.shape[1]
    us, projected, of_us, of_deltas = (each.flatten(1, 2) for each in (us, projected, of_us, of_deltas))
    x_proj, dt_proj = (torch.stack([w[i] for w in pair]).to(us.dtype) for i in (2, 3))
    of_projected = torch.empty_like(projected)
    of_projected[..., :rank] = torch.bmm(of_deltas, dt_proj)
    for of_direction, grad in zip(of_projected, grads, strict=True):
        of_direction[:, rank : rank + states] = _given(grad.B).flatten(0, 2)
        of_direction[:, rank + states :] = _given(grad.C).flatten(0, 2)
    of_us.baddbmm_(of_projected, x_proj)
    return torch.bmm(of_projected.mT, us), torch.bmm(of_deltas.mT, projected[..., :rank])


def _plain_gradient(
    xz: Tensor,
    out_proj: Tensor | None,
    weights: Sequence[Tensor],
    order: Tensor | None,
    grads: Sequence[Tensor],
) -> list[Tensor | None]:
    """The same by the separate operations, which have derivatives of their own."""

    def core(inputs: Sequence[Any]) -> list[Tensor]:
        xz, out_proj, *weights = inputs
        cast = [w.to(xz.dtype) if i % _COUNT in (2, 3) else w for i, w in enumerate(weights)]  # the projections
        last = None if out_proj is None else out_proj.to(xz.dtype)
        return [reference.forward(xz, *_pair(cast), order=order, out_proj=last, backend="native")]

    return plain_gradient(core, (xz, out_proj, *weights), grads)


def _pair(weights: Sequence[Tensor]) -> Pair:
    return SSMWeights(*weights[:_COUNT]), SSMWeights(*weights[_COUNT:])


def _convolutions(pair: Pair, order: Tensor | None) -> list[ConvDirection]:
    first, second = pair
    return [
        ConvDirection(first.conv, first.conv_bias, None, False),
        ConvDirection(second.conv, second.conv_bias, order, order is None),
    ]


def _directions(us: Tensor, projected: Tensor, pair: Pair, order: Tensor | None, deltas: Tensor) -> list[ScanDirection]:
    """What the scan reads; ``deltas``: where to write the step sizes."""
    rank, states = pair[0].dt_proj.shape[1], pair[0].A_log.shape[1]
    weights = torch.stack([direction.dt_proj for direction in pair]).to(us.dtype)
    step, B, C = projected.split((rank, states, states), dim=-1)
    torch.bmm(step.flatten(1, 2), weights.mT, out=deltas.flatten(1, 2))
    B, C = B.unsqueeze(3), C.unsqueeze(3)  # of one group
    first, second = (
        ScanDirection(us[i], deltas[i], _decay(w.A_log), B[i], C[i], w.D.float(), w.dt_bias.float())
        for i, w in enumerate(pair)
    )
    return [first, second._replace(order=order, reverse=order is None)]


def _decay(A_log: Tensor) -> Tensor:
    """A = -exp(A_log), float32, computed again only where A_log has other numbers than before."""
    numbers, decay = _decays.get(A_log, (None, None))
    # compared rather than counted by versions, which writing to .data does not change
    if numbers is None or not A_log.is_contiguous() or not same_bytes(numbers, A_log):
        numbers, decay = lasting(A_log)
        numbers.copy_(A_log.detach())
        torch.exp(numbers.float(), out=decay).neg_()
        _decays[A_log] = numbers, decay  # whole: other threads read it, and nothing writes to it again
    return decay


def _given(grad: Tensor | None) -> Tensor:
    assert grad is not None
    return grad
