"""What one direction of a scan reads."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from videomamba.ops.visit import restored, visited


class ScanDirection(NamedTuple):
    """The inputs of one direction, channels last, **in the tokens' natural order** whatever order they are visited in.

    Attributes:
        u: (B, L, D) what enters the states.
        delta: (B, L, D) raw step size, before ``delta_bias`` and softplus.
        A: (D, N) float32, negative: decay rate of each state.
        B: (B, L, N) or (B, L, G, N) input weights; channels fall into G equal groups.
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

    def like(self, direction: ScanDirection) -> "ScanGradients":
        """Every gradient in its input's dtype; None where there was no input."""
        pairs = zip(self, direction[:8], strict=True)
        return ScanGradients(*(None if g is None or x is None else g.to(x.dtype) for g, x in pairs))
