"""The scan in vectorised PyTorch: exact, on any device, good enough to train with on a CPU.

The sequence is cut into chunks. Inside a chunk everything but the recurrence is one operation over (steps, batch,
channels, states); the recurrence is one in-place multiply-add per step. It only ever multiplies by ``exp(delta A)``,
which is at most 1: nothing is divided by a decay, so nothing overflows. The backward pass keeps the states at chunk
boundaries and computes those in between again. Both directions run in one loop: their channels lie side by side, as
groups with their own B and C.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.ops.dtypes import sum_dtype
from videomamba.ops.scan.contract import ScanBackend
from videomamba.ops.scan.direction import ScanDirection, ScanGradients
from videomamba.ops.visit import check_permutation

_CHUNK_ELEMENTS = 2**19  # states of a chunk: 2 MiB in float32, so that its buffers stay in cache
_CHUNK_STEPS = (4, 64)
# on a GPU an operation costs its launch: beside one per step, thirteen per chunk; chunks are as large as memory allows
_GPU_CHUNK_ELEMENTS = 2**25
_GPU_CHUNK_STEPS = (4, 512)


def forward(
    directions: Sequence[ScanDirection], z: Tensor | None, *, delta_softplus: bool, save: bool = False
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """``(silu(z) * sum of the directions, last state of each, nothing saved)``; the contract of :mod:`.reference`."""
    run = _SideBySide.of(directions, delta_softplus)
    y = torch.empty_like(run.u)
    state = run.initial_state
    for chunk in run.chunks():
        _, states = run.recur(chunk, state)
        y[chunk] = run.read_out(chunk, states)
        state = states[-1].clone()
    total = run.sum_of_directions(y)
    if z is not None:
        total = total * F.silu(z.to(total.dtype))
    last_states = [part.clone() for part in run.split_channels(state.flatten(1, 2), dim=1)]
    return total.to(directions[0].u.dtype), last_states, []


def backward(
    directions: Sequence[ScanDirection],
    z: Tensor | None,
    saved: Sequence[Tensor],
    grad_out: Tensor,
    grad_last_states: Sequence[Tensor | None],
    *,
    delta_softplus: bool,
) -> tuple[list[ScanGradients], Tensor | None]:
    """Gradients of :func:`forward` for every direction, and for z (None without z)."""
    run = _SideBySide.of(directions, delta_softplus)
    dtype = run.u.dtype
    grad_y = grad_out.to(dtype)
    if z is not None:
        grad_y = grad_y * F.silu(z.to(dtype))
    run_grad_y = run.in_visiting_order([grad_y] * len(directions))

    chunks = list(run.chunks())
    boundaries = [run.initial_state]
    for chunk in chunks[:-1]:
        boundaries.append(run.recur(chunk, boundaries[-1])[1][-1].clone())

    grads = _Gradients.like(run)
    y = torch.empty_like(run.u)
    carry = run.gather_states(grad_last_states)  # gradient that reaches a chunk's last state from later chunks
    for chunk, state in zip(reversed(chunks), reversed(boundaries), strict=True):
        decay, states = run.recur(chunk, state)
        y[chunk] = run.read_out(chunk, states)
        carry = grads.accumulate(run, chunk, decay, states, state, run_grad_y[chunk], carry)

    grad_z = None
    if z is not None:
        gate = torch.sigmoid(z.to(dtype))
        silu_slope = gate * (1 + z.to(dtype) * (1 - gate))
        grad_z = (grad_out.to(dtype) * run.sum_of_directions(y) * silu_slope).to(z.dtype)
    return grads.per_direction(run, carry), grad_z


@dataclass
class _SideBySide:
    """All directions as one scan over (L, B, G, channels of a group), in visiting order, in the computing dtype."""

    directions: Sequence[ScanDirection]
    delta_softplus: bool
    u: Tensor  # (L, B, G, K)
    delta_raw: Tensor  # (L, B, G, K) with its bias
    delta: Tensor  # (L, B, G, K)
    A: Tensor  # (G, K, N)
    B: Tensor  # (L, B, G, N)
    C: Tensor  # (L, B, G, N)
    D: Tensor  # (G, K)
    initial_state: Tensor  # (B, G, K, N)

    @classmethod
    def of(cls, directions: Sequence[ScanDirection], delta_softplus: bool) -> "_SideBySide":
        for direction in directions:
            check_permutation(direction.order)
        first = directions[0]
        dtype = sum_dtype(first.u)
        groups, width = first.B.shape[2], first.u.shape[2]

        def lay(name: str) -> Tensor:  # (L, B, ...) with the directions next to each other
            return torch.cat([d.visited(getattr(d, name)).to(dtype).transpose(0, 1) for d in directions], dim=2)

        def vector(name: str) -> Tensor:
            parts = [getattr(d, name) for d in directions]
            return torch.cat([first.A.new_zeros(width, dtype=dtype) if p is None else p.to(dtype) for p in parts])

        grouped = (len(directions) * groups, width // groups)
        delta_raw = (lay("delta") + vector("delta_bias")).unflatten(2, grouped)
        run = cls(
            directions=directions,
            delta_softplus=delta_softplus,
            u=lay("u").unflatten(2, grouped),
            delta_raw=delta_raw,
            delta=F.softplus(delta_raw) if delta_softplus else delta_raw,
            A=torch.cat([d.A.to(dtype) for d in directions]).unflatten(0, grouped),
            B=lay("B"),
            C=lay("C"),
            D=vector("D").view(grouped),
            initial_state=torch.empty(0),
        )
        run.initial_state = run.gather_states([d.initial_state for d in directions])
        return run

    def gather_states(self, states: Sequence[Tensor | None]) -> Tensor:
        """Per direction (B, D, N) or None (zeros) -> (B, G, K, N)."""
        batch, (groups, per_group, state_size) = self.u.shape[1], self.A.shape
        zeros = self.u.new_zeros(batch, groups * per_group // len(states), state_size)
        parts = [zeros if state is None else state.to(zeros.dtype) for state in states]
        return torch.cat(parts, dim=1).unflatten(1, (groups, per_group))

    def in_visiting_order(self, per_direction: Sequence[Tensor]) -> Tensor:
        """Per direction (B, L, D) -> (L, B, G, K)."""
        parts = [d.visited(x).transpose(0, 1) for d, x in zip(self.directions, per_direction, strict=True)]
        return torch.cat(parts, dim=2).view(self.u.shape)

    def split_channels(self, x: Tensor, dim: int) -> list[Tensor]:
        """Channels (or groups) of all directions side by side along ``dim`` -> one tensor per direction."""
        return list(x.chunk(len(self.directions), dim=dim))

    def in_natural_order(self, x: Tensor) -> list[Tensor]:
        """(L, B, G, any) -> per direction (B, L, G / directions, any)."""
        parts = self.split_channels(x.transpose(0, 1), dim=2)
        return [d.restored(part) for d, part in zip(self.directions, parts, strict=True)]

    def sum_of_directions(self, y: Tensor) -> Tensor:
        """(L, B, G, K) -> (B, L, D)."""
        return torch.stack([part.flatten(2) for part in self.in_natural_order(y)]).sum(0)

    def chunks(self) -> Iterator[slice]:
        length = self.u.shape[0]
        on_cpu = self.u.device.type == "cpu"
        elements, (least, most) = (_CHUNK_ELEMENTS, _CHUNK_STEPS) if on_cpu else (_GPU_CHUNK_ELEMENTS, _GPU_CHUNK_STEPS)
        steps = min(max(elements // max(1, self.initial_state.numel()), least), most)
        return (slice(start, min(start + steps, length)) for start in range(0, length, steps))

    def recur(self, chunk: slice, state: Tensor) -> tuple[Tensor, Tensor]:
        """Decays and states (steps, B, G, K, N) of a chunk that starts from ``state``."""
        delta = self.delta[chunk]
        decay = torch.mul(delta[..., None], self.A).exp_()
        states = torch.mul((delta * self.u[chunk])[..., None], self.B[chunk][..., None, :])
        for step in range(len(states)):
            state = states[step].addcmul_(decay[step], state)
        return decay, states

    def read_out(self, chunk: slice, states: Tensor) -> Tensor:
        """y = C . h + D u, (steps, B, G, K)."""
        return (states @ self.C[chunk][..., None]).squeeze(-1) + self.D * self.u[chunk]


@dataclass
class _Gradients:
    """Gradients laid out as in :class:`_SideBySide`, filled chunk by chunk from the last to the first."""

    u: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor

    @classmethod
    def like(cls, run: _SideBySide) -> "_Gradients":
        return cls(
            u=torch.empty_like(run.u),
            delta=torch.empty_like(run.u),
            A=torch.zeros_like(run.A),
            B=torch.empty_like(run.B),
            C=torch.empty_like(run.C),
            D=torch.zeros_like(run.D),
        )

    def accumulate(
        self,
        run: _SideBySide,
        chunk: slice,
        decay: Tensor,
        states: Tensor,
        start: Tensor,
        grad_y: Tensor,
        carry: Tensor,
    ) -> Tensor:
        """Adds what a chunk gives; returns the gradient of the state the chunk starts from."""
        u, delta = run.u[chunk], run.delta[chunk]
        grad_states = torch.mul(grad_y[..., None], run.C[chunk][..., None, :])
        grad_states[-1] += carry
        for step in range(len(grad_states) - 2, -1, -1):
            grad_states[step].addcmul_(decay[step + 1], grad_states[step + 1])
        carry = decay[0] * grad_states[0]

        self.C[chunk] = (grad_y[..., None, :] @ states).squeeze(-2)
        self.B[chunk] = ((delta * u)[..., None, :] @ grad_states).squeeze(-2)
        grad_input = (grad_states @ run.B[chunk][..., None]).squeeze(-1)  # of delta * u
        self.u[chunk] = grad_input * delta + run.D * grad_y
        self.D += (grad_y * u).sum((0, 1))

        grad_exponent = grad_states.mul_(decay)  # of delta * A: g * decay * previous state
        grad_exponent[1:] *= states[:-1]
        grad_exponent[0] *= start
        self.A += torch.einsum("tbgkn,tbgk->gkn", grad_exponent, delta)
        self.delta[chunk] = grad_input * u + torch.einsum("tbgkn,gkn->tbgk", grad_exponent, run.A)
        return carry

    def per_direction(self, run: _SideBySide, grad_state: Tensor) -> list[ScanGradients]:
        if run.delta_softplus:
            self.delta = self.delta * torch.sigmoid(run.delta_raw)
        u, delta, B, C = (run.in_natural_order(x) for x in (self.u, self.delta, self.B, self.C))
        A, D, bias = (run.split_channels(x, dim=0) for x in (self.A, self.D, self.delta.sum((0, 1))))
        state = run.split_channels(grad_state, dim=1)
        return [
            ScanGradients(*(_owned(grad, like) for grad, like in zip(grads, direction[:8], strict=True)))
            for direction, *grads in zip(run.directions, u, delta, A, B, C, D, bias, state, strict=True)
        ]


def _owned(grad: Tensor, like: Tensor | None) -> Tensor | None:
    """A copy in the input's dtype: an operator's outputs must not share memory. None where there was no input."""
    if like is None:
        return None
    return torch.empty_like(like, memory_format=torch.contiguous_format).copy_(grad.reshape(like.shape))


BACKEND = ScanBackend(forward, backward, status=lambda: (True, "vectorised PyTorch, any device"))
