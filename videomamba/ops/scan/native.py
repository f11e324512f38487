"""The scan in C++ on the CPU (``ops/native``): tensors in place through their strides, both directions in one call.

Fast layouts are (B, L, D) and (B, D, L) seen as that; others are read number by number.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from videomamba.ops.native import library
from videomamba.ops.native.library import CDirection, CDirectionGrad, CScan, CTensor, float32, pointer
from videomamba.ops.scan.contract import ScanBackend
from videomamba.ops.scan.direction import ScanDirection, ScanGradients, empty_as


def forward(
    directions: Sequence[ScanDirection],
    z: Tensor | None,
    *,
    delta_softplus: bool,
    save: bool = False,
    last: bool = True,
    out: Tensor | None = None,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """``(silu(z) * sum of the directions, last state of each, saved)``, with the contract of :mod:`.reference`.

    With ``save``, what :func:`backward` reads: the states before each chunk of its steps. Without ``last``, no last
    states. ``out``: where to write the first; None: a new tensor.

    Raises:
        UserError: an order is not a permutation.
    """
    problem = _Problem(directions, z, delta_softplus)
    u = directions[0].u
    out = empty_as(u) if out is None else out
    last_states = [torch.empty(len(u), *d.A.shape) for d in directions] if last else []
    saved = saved_like(directions, z) if save else []
    for c_direction, state in zip(problem.c_directions, last_states, strict=False):
        c_direction.last_state = pointer(state)
    problem.point_to(saved)
    problem.c_scan.out = CTensor.of(out)
    library.best().call("scan_forward", problem.c_scan)
    return out, last_states, saved


def saved_like(directions: Sequence[ScanDirection], z: Tensor | None) -> list[Tensor]:
    """Empty tensors for what :func:`forward` saves."""
    kernels = library.best()
    batch, length, width = directions[0].u.shape
    saved, groups = [], _groups(directions)
    for d in directions:
        states = d.A.shape[1]
        chunks, vectors = (
            -(-size // step) for size, step in ((length, kernels.chunk_steps), (width // groups, kernels.lanes))
        )
        saved.append(d.u.new_empty(batch, groups, chunks, vectors, states, kernels.lanes, dtype=torch.float32))
    return saved


def backward(
    directions: Sequence[ScanDirection],
    z: Tensor | None,
    saved: Sequence[Tensor],
    grad_out: Tensor,
    grad_last_states: Sequence[Tensor | None],
    *,
    delta_softplus: bool,
    out: Tensor | None = None,
    grad_z: Tensor | None = None,
    room: Sequence[Tensor] = (),
) -> tuple[list[ScanGradients], Tensor | None]:
    """Gradients of :func:`forward` for every direction, and for z (None without z), in the dtypes of the inputs.

    Args:
        out: contiguous, where to write the result of :func:`forward` again; only with z.
        grad_z: where to write the gradient of z; None: a new tensor.
        room: where to write those of u and delta, shaped and typed like these: of u of each direction, then of delta;
            the latter may be delta itself.

    Raises:
        UserError: an order is not a permutation.
    """
    if not saved:  # forward ran without saving for a gradient, as under torch.func
        saved = forward(directions, z, delta_softplus=delta_softplus, save=True)[2]
    problem = _Problem(directions, z, delta_softplus)
    problem.point_to(saved)
    grad_out = grad_out.to(directions[0].u.dtype)
    state_grads = [None if g is None else float32(g) for g in grad_last_states]
    grads = [_empty_gradients(direction) for direction in directions]
    for k, (u, delta) in enumerate(zip(room[: len(grads)], room[len(grads) :], strict=True)):
        grads[k] = grads[k]._replace(u=u, delta=delta)
    c_grads = (CDirectionGrad * len(grads))(
        *(
            CDirectionGrad(pointer(s), CTensor.of(g.u), CTensor.of(g.delta), *(pointer(x) for x in g[2:]))
            for s, g in zip(state_grads, grads, strict=True)
        )
    )
    if z is not None:
        grad_z = empty_as(z) if grad_z is None else grad_z
        total = out if out is not None and out.dtype == torch.float32 else torch.empty(z.shape)
        problem.c_scan.total = pointer(total)
    problem.c_scan.out = CTensor.of(out)
    problem.c_scan.grad_out = CTensor.of(grad_out)
    problem.c_scan.grads = c_grads
    problem.c_scan.grad_z = CTensor.of(grad_z)
    library.best().call("scan_backward", problem.c_scan)
    return [grad.like(direction) for grad, direction in zip(grads, directions, strict=True)], grad_z


def _groups(directions: Sequence[ScanDirection]) -> int:
    """Of all directions: one with constant B and C takes the others' cut of the channels."""
    return max(d.groups() for d in directions)


class _Problem:
    """The structures a kernel reads, and the tensors that must live as long as they do."""

    def __init__(self, directions: Sequence[ScanDirection], z: Tensor | None, delta_softplus: bool) -> None:
        self.directions = [_readable(direction) for direction in directions]
        self.z = z
        self.c_directions = (CDirection * len(directions))(*(_c_direction(d) for d in self.directions))
        batch, length, width = directions[0].u.shape
        self.c_scan = CScan(
            batch=batch,
            length=length,
            width=width,
            states=directions[0].A.shape[1],
            groups=_groups(directions),
            bfloat16=directions[0].u.dtype == torch.bfloat16,
            softplus=delta_softplus,
            threads=torch.get_num_threads(),
            direction_count=len(directions),
            directions=self.c_directions,
            z=CTensor.of(self.z),
        )

    def point_to(self, saved: Sequence[Tensor]) -> None:
        """Points the kernel to the tensors of :func:`saved_like`, or to none."""
        for c_direction, states in zip(self.c_directions, saved, strict=False):
            c_direction.saved_states = pointer(states)


def _c_direction(d: ScanDirection) -> CDirection:
    return CDirection(
        *(CTensor.of(x) for x in (d.u, d.delta)),
        *(CTensor.of(x if x.dim() == 4 else None) for x in (d.B, d.C)),
        *(pointer(x if x.dim() == 2 else None) for x in (d.B, d.C)),
        *(pointer(x) for x in (d.A, d.D, d.delta_bias, d.initial_state, d.order)),
        d.reverse,
    )


def _readable(d: ScanDirection) -> ScanDirection:
    """The direction with contiguous float32 for all that is not per token."""
    D, delta_bias, initial_state = (None if x is None else float32(x) for x in (d.D, d.delta_bias, d.initial_state))
    order = None if d.order is None else d.order.to(torch.int64).contiguous()
    B, C = (float32(x) if x.dim() == 2 else x for x in (d.B, d.C))
    return ScanDirection(d.u, d.delta, float32(d.A), B, C, D, delta_bias, initial_state, order, d.reverse)


def _empty_gradients(d: ScanDirection) -> ScanGradients:
    """Room for what the kernel writes: per-token gradients in the dtype of u, the others in float32."""
    B, C = (torch.empty(x.shape, dtype=torch.float32 if x.dim() == 2 else x.dtype) for x in (d.B, d.C))
    vectors = (None if x is None else torch.empty(x.shape) for x in (d.D, d.delta_bias, d.initial_state))
    return ScanGradients(empty_as(d.u), empty_as(d.delta), torch.empty(d.A.shape), B, C, *vectors)


BACKEND = ScanBackend(
    forward,
    backward,
    status=library.available,
    saved_like=saved_like,
    devices=lambda: ("cpu",),
    dtypes=(torch.float32, torch.bfloat16),
    automatic=("cpu",),
    takes_constants=True,
)
