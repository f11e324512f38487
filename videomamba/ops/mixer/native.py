"""The ST-SSM's core on the CPU's compiled kernels, with a gradient that computes again what is cheap to compute.

Kept for the gradient: xz (the input), per token what x_proj gives, and the scan's states of every 32nd token, half of
xz's size. The convolved channels and the step sizes of both directions are computed again, and the result on the scan's
way back.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from videomamba.ops.conv import native as conv
from videomamba.ops.conv.native import ConvDirection
from videomamba.ops.mixer import reference
from videomamba.ops.mixer.reference import SSMWeights
from videomamba.ops.native.library import same_bytes
from videomamba.ops.native.scratch import lasting, scratch
from videomamba.ops.scan import native as scan
from videomamba.ops.scan.direction import ScanDirection, ScanGradients
from videomamba.ops.transforms import is_transformed, needs_plain_gradient, plain_gradient
from videomamba.ops.visit import check_order

_COUNT = len(SSMWeights._fields)
_PLAIN = (Tensor, torch.nn.Parameter)
_decays = WeakTensorKeyDictionary()  # A_log -> its numbers then, and what they gave
Pair = tuple[SSMWeights, SSMWeights]


def serves(xz: Tensor, first: SSMWeights, second: SSMWeights, out_proj: Tensor | None = None) -> bool:
    """Whether these kernels take these tensors here and now: plain ones on a CPU, and nothing has to see operators."""
    tensors = (xz, *first, *second, *([] if out_proj is None else [out_proj]))
    if not all(type(x) in _PLAIN and x.is_cpu for x in tensors):
        return False
    is_autocast = torch.is_autocast_enabled("cpu")
    dtype = torch.get_autocast_dtype("cpu") if is_autocast else first.x_proj.dtype
    return (
        conv.serves(xz)
        and xz.dtype == dtype
        and (is_autocast or all(w.dtype == dtype for w in (*first[2:4], *second[2:4], *tensors[15:])))
        and xz.dim() == 3
        and xz.shape[-1] == 2 * len(first.D)
        and all(a.shape == b.shape for a, b in zip(first, second, strict=True))
        and not torch.jit.is_tracing()
        and not torch._C._len_torch_dispatch_stack()  # modes that count, trace or fake operators; no public name
        and not is_transformed(tensors)
    )


def forward(
    xz: Tensor, first: SSMWeights, second: SSMWeights, *, order: Tensor | None, out_proj: Tensor | None = None
) -> Tensor:
    """The contract of :mod:`.reference`.

    Raises:
        UserError: an order is not a permutation.
    """
    check_order(order, xz.shape[1], reverse=False)
    given = (xz, out_proj, *first, *second)
    if torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in given):
        out: Tensor = _Core.apply(xz, order, out_proj, *first, *second)
        return out
    return _run(xz, (first, second), order, out_proj, save=False)[0]


def _run(
    xz: Tensor, pair: Pair, order: Tensor | None, out_proj: Tensor | None, *, save: bool
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """The result, what x_proj gives for each direction, and, with ``save``, the scan's states for the gradient."""
    x, z = xz.chunk(2, dim=-1)
    *room, out = scratch(5, x)
    with torch.autocast("cpu", enabled=False):
        us = conv.run_forward(x, _convolutions(pair, order), silu=True, outs=room[:2])
        projected = [F.linear(u, w.x_proj.to(u.dtype)) for u, w in zip(us, pair, strict=True)]
        directions = _directions(us, projected, pair, order, room[2:])
        out = torch.empty(x.shape, dtype=x.dtype) if out_proj is None else out
        _, _, states = scan.forward(directions, z, delta_softplus=True, save=save, last=False, out=out)
        return (out if out_proj is None else F.linear(out, out_proj.to(out.dtype))), projected, states


class _Core(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, xz: Tensor, order: Tensor | None, out_proj: Tensor | None, *weights: Tensor) -> Tensor:
        out, projected, states = _run(xz, _pair(weights), order, out_proj, save=True)
        ctx.save_for_backward(xz, order, out_proj, *weights, *projected, *states)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        xz, order, out_proj, *rest = ctx.saved_tensors  # once: activation checkpointing recomputes them
        weights, projected, states = rest[: 2 * _COUNT], rest[2 * _COUNT : -2], rest[-2:]
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
    projected: Sequence[Tensor],
    states: Sequence[Tensor],
    grad: Tensor,
) -> list[Tensor | None]:
    """Of xz, of out_proj, then of each direction's weights."""
    x, z = xz.chunk(2, dim=-1)
    convolutions = _convolutions(pair, order)
    out, of_out, *room = scratch(8, x)
    us = conv.run_forward(x, convolutions, silu=True, outs=room[:2])
    directions = _directions(us, projected, pair, order, room[2:4])
    grad_xz = torch.empty(xz.shape, dtype=xz.dtype)
    grad_x, grad_z = grad_xz.chunk(2, dim=-1)
    if out_proj is not None:
        torch.mm(grad.to(xz.dtype).flatten(0, 1), out_proj.to(xz.dtype), out=of_out.flatten(0, 1))
    given = grad if out_proj is None else of_out
    places = [*room[4:], *room[2:4]]  # those of delta over delta itself
    grads, _ = scan.backward(
        directions, z, states, given, [None, None], delta_softplus=True, out=out, grad_z=grad_z, room=places
    )
    of_out_proj = None
    if out_proj is not None:
        of_out_proj = (grad.to(xz.dtype).flatten(0, 1).T @ out.flatten(0, 1)).to(out_proj.dtype)
    decays = [direction.A for direction in directions]
    of_projections = [_through_projections(*each) for each in zip(us, projected, grads, pair, strict=True)]
    _, of_convolutions = conv.run_backward(
        x, convolutions, [_given(grad.u) for grad in grads], silu=True, grad_x=grad_x
    )
    found: list[Tensor | None] = [grad_xz, of_out_proj]
    each = zip(pair, grads, decays, of_projections, of_convolutions, strict=True)
    for weights, of_scan, decay, of_projection, of_convolution in each:
        of_rate = (_given(of_scan.A) * decay, _given(of_scan.D))
        parts = (*of_convolution, *of_projection, _given(of_scan.delta_bias), *of_rate)
        found += [part.to(w.dtype) for part, w in zip(parts, weights, strict=True)]
    return found


def _through_projections(
    u: Tensor, projected: Tensor, grad: ScanGradients, weights: SSMWeights
) -> tuple[Tensor, Tensor]:
    """Gradients of x_proj and dt_proj; that of u gets, in place, what comes through them."""
    rank, states = weights.dt_proj.shape[1], weights.A_log.shape[1]
    of_u, of_delta, of_B, of_C = (_given(g).flatten(0, 1) for g in (grad.u, grad.delta, grad.B, grad.C))
    of_projected = torch.empty(len(of_u), rank + 2 * states, dtype=u.dtype)
    torch.mm(of_delta, weights.dt_proj.to(u.dtype), out=of_projected[:, :rank])
    of_projected[:, rank : rank + states] = of_B.flatten(1)
    of_projected[:, rank + states :] = of_C.flatten(1)
    of_u.addmm_(of_projected, weights.x_proj.to(u.dtype))
    return of_projected.T @ u.flatten(0, 1), of_delta.T @ projected.flatten(0, 1)[:, :rank]


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


def _directions(
    us: Sequence[Tensor], projected: Sequence[Tensor], pair: Pair, order: Tensor | None, deltas: Sequence[Tensor]
) -> list[ScanDirection]:
    """What the scan reads; ``deltas``: where to write the step sizes."""
    found = []
    for u, both, weights, delta in zip(us, projected, pair, deltas, strict=True):
        rank, states = weights.dt_proj.shape[1], weights.A_log.shape[1]
        step, B, C = both.split((rank, states, states), dim=-1)
        torch.mm(step.flatten(0, 1), weights.dt_proj.to(u.dtype).T, out=delta.flatten(0, 1))
        A = _decay(weights.A_log)
        B, C = B.unsqueeze(2), C.unsqueeze(2)
        found.append(ScanDirection(u, delta, A, B, C, weights.D.float(), weights.dt_bias.float()))
    found[1] = found[1]._replace(order=order, reverse=order is None)
    return found


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
