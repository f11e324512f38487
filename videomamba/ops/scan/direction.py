"""What one direction of a scan reads."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from videomamba.ops.visit import restored, visited


class ScanDirection(NamedTuple):
    """The inputs of one direction, channels last, **in the tokens' natural order** whatever order they are visited in.

    Attributes:
        u: (B, L, D) what enters the states.
        delta: (B, L, D) raw step size, before ``delta_bias`` and softplus.
        A: (D, N) float32, negative: decay rate of each state.
        B: (B, L, N) or (B, L, G, N) input weights, where channels fall into G equal groups; or (D, N), the same
            for every token and kept in float32.
        C: as B: output weights.
        D: (D,) skip connection, or None.
        delta_bias: (D,) added to ``delta``, or None.
        initial_state: (B, D, N) state before the first visited token; zeros when None.
        order: (L,) int64 permutation: token ``order[j]`` is visited at step j; None visits 0, 1, ...
        reverse: visit L-1, L-2, ..., 0 (only without ``order``).
    """

    u: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor | None = None
    delta_bias: Tensor | None = None
    initial_state: Tensor | None = None
    order: Tensor | None = None
    reverse: bool = False

    def mapped(self, change: Callable[[Tensor], Tensor]) -> "ScanDirection":
        """The direction with every tensor but the order changed."""
        u, delta, A, B, C = (change(x) for x in self[:5])
        D, bias, state = (None if x is None else change(x) for x in (self.D, self.delta_bias, self.initial_state))
        return ScanDirection(u, delta, A, B, C, D, bias, state, self.order, self.reverse)

    def groups(self) -> int:
        """Into how many groups B and C, checked, divide the channels; 1 where both are constant."""
        return next((x.shape[2] for x in (self.B, self.C) if x.dim() == 4), 1)

    def per_channel(self) -> "ScanDirection":
        """The direction with B and C of every token and channel, (B, L, D, N)."""
        batch, length, width = self.u.shape

        def repeated(x: Tensor) -> Tensor:
            if x.dim() == 2:
                return x.expand(batch, length, *x.shape)
            return x.repeat_interleave(width // x.shape[2], dim=2)

        return self._replace(B=repeated(self.B), C=repeated(self.C))

    def visited(self, x: Tensor) -> Tensor:
        """(B, L, ...) in natural order -> the same in the order of the visit."""
        return visited(x, self.order, self.reverse)

    def restored(self, x: Tensor) -> Tensor:
        """(B, L, ...) in the order of the visit -> the same in natural order; undoes :meth:`visited`."""
        return restored(x, self.order, self.reverse)


class ScanGradients(NamedTuple):
    """Gradients of one direction, named as in :class:`ScanDirection`; None where the input was None."""

    u: Tensor | None
    delta: Tensor | None
    A: Tensor | None
    B: Tensor | None
    C: Tensor | None
    D: Tensor | None
    delta_bias: Tensor | None
    initial_state: Tensor | None

    def folded(self, direction: ScanDirection) -> "ScanGradients":
        """From those of :meth:`ScanDirection.per_channel` to those of the direction itself."""

        def sum_to(grad: Tensor | None, x: Tensor) -> Tensor | None:
            if grad is None or grad.shape == x.shape:
                return grad
            return grad.sum((0, 1)) if x.dim() == 2 else grad.unflatten(2, (x.shape[2], -1)).sum(3)

        return self._replace(B=sum_to(self.B, direction.B), C=sum_to(self.C, direction.C))

    def like(self, direction: ScanDirection) -> "ScanGradients":
        """Every gradient in its input's dtype; None where there was no input."""
        pairs = zip(self, direction[:8], strict=True)
        return ScanGradients(*(None if g is None or x is None else g.to(x.dtype) for g, x in pairs))


def without_constants(directions: Sequence[ScanDirection]) -> Sequence[ScanDirection]:
    """The directions, all :meth:`ScanDirection.per_channel` where one has a constant B or C."""
    if all(x.dim() == 4 for d in directions for x in (d.B, d.C)):
        return directions
    return [direction.per_channel() for direction in directions]


def empty_as(x: Tensor) -> Tensor:
    """Room for a tensor of x's shape and dtype: (B, L, D), seen through (B, D, L) where x lies so, contiguous."""
    if x.dim() == 3 and x.stride(2) != 1 and x.stride(1) == 1:
        batch, length, width = x.shape
        return torch.empty((batch, width, length), dtype=x.dtype, device=x.device).transpose(1, 2)
    return torch.empty(x.shape, dtype=x.dtype, device=x.device)


def laid_out_as(result: Tensor, x: Tensor) -> Tensor:
    """``result`` with the strides of ``empty_as(x)``, copied only where it has others."""
    wanted = empty_as(x)
    return result if result.stride() == wanted.stride() else wanted.copy_(result)
