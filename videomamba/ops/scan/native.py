"""The scan in C++ on the CPU (:mod:`videomamba.ops.native`), with the contract of :mod:`.reference`.

The kernels compute in float32; bfloat16 tensors are widened on the way in and rounded on the way out.
"""

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor

from videomamba.ops.native import library as native
from videomamba.ops.scan.direction import ScanDirection, ScanGradients


def forward(
    directions: Sequence[ScanDirection], z: Tensor | None, *, delta_softplus: bool, need_last_state: bool = True
) -> tuple[Tensor, list[Tensor]]:
    """``(silu(z) * sum of the directions, last state of each)``."""
    inputs = [_float(d) for d in directions]
    gate = None if z is None else native.float_rows(z)
    u = inputs[0].u
    out = torch.empty(u.shape, dtype=torch.float32)
    last_states = [torch.empty(len(u), *d.A.shape) for d in inputs] if need_last_state else []
    rows = [_direction(d, last_states[i] if need_last_state else None) for i, d in enumerate(inputs)]
    native.library().videomamba_scan_forward(
        native.array_of(native.Direction, rows),
        len(inputs),
        ctypes.byref(_shape(inputs[0], delta_softplus)),
        ctypes.byref(native.strided(gate)),
        out.data_ptr(),
    )
    return out.to(directions[0].u.dtype), last_states


def backward(
    directions: Sequence[ScanDirection],
    z: Tensor | None,
    grad_out: Tensor,
    grad_last_states: Sequence[Tensor | None],
    *,
    delta_softplus: bool,
) -> tuple[list[ScanGradients], Tensor | None]:
    """Gradients of :func:`forward` for every direction, and for z (None without z)."""
    inputs = [_float(d) for d in directions]
    gate = None if z is None else native.float_rows(z)
    incoming = native.float_rows(grad_out)
    last = [None if g is None else g.float().contiguous() for g in grad_last_states]
    batch, length, width = inputs[0].u.shape
    grad_z = None if gate is None else torch.empty(batch, length, width)
    grads = [
        ScanGradients(
            u=torch.empty(batch, length, width),
            delta=torch.empty(batch, length, width),
            A=torch.empty(d.A.shape),
            B=torch.empty(d.B.shape),
            C=torch.empty(d.C.shape),
            D=torch.empty(width),
            delta_bias=torch.empty(width),
            initial_state=torch.empty(batch, *d.A.shape),
        )
        for d in inputs
    ]
    rows = [native.Gradients(*map(native.address, (*g, s))) for g, s in zip(grads, last, strict=True)]
    native.library().videomamba_scan_backward(
        native.array_of(native.Direction, [_direction(d, None) for d in inputs]),
        native.array_of(native.Gradients, rows),
        len(inputs),
        ctypes.byref(_shape(inputs[0], delta_softplus)),
        ctypes.byref(native.strided(gate)),
        ctypes.byref(native.strided(incoming)),
        native.address(grad_z),
    )
    matched = [
        ScanGradients(*(None if g is None or x is None else g.to(x.dtype) for g, x in zip(grad, d[:8], strict=True)))
        for grad, d in zip(grads, directions, strict=True)
    ]
    return matched, None if z is None or grad_z is None else grad_z.to(z.dtype)


def _float(direction: ScanDirection) -> ScanDirection:
    u, delta, A, B, C, *optional, order, reverse = direction
    D, bias, state = (None if x is None else x.float().contiguous() for x in optional)
    u, delta, B, C = (native.float_rows(x) for x in (u, delta, B, C))
    order = None if order is None else order.long().contiguous()
    return ScanDirection(u, delta, A.float().contiguous(), B, C, D, bias, state, order, reverse)


def _direction(d: ScanDirection, last_state: Tensor | None) -> native.Direction:
    return native.Direction(
        *(native.strided(x) for x in (d.u, d.delta, d.B, d.C)),
        *(native.address(x) for x in (d.A, d.D, d.delta_bias, d.initial_state, last_state, d.order)),
        int(d.reverse),
    )


def _shape(d: ScanDirection, delta_softplus: bool) -> native.Shape:
    return native.Shape(*d.u.shape, d.A.shape[1], d.B.shape[2], int(delta_softplus), torch.get_num_threads())
