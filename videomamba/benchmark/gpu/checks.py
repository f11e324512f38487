"""The scan's Triton kernels on a device, compared with float64: values and every gradient."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from videomamba.ops import ScanDirection, bidirectional_scan, causal_conv, directional_scan

LIMITS = {torch.float32: (2e-6, 2e-5), torch.bfloat16: (2**-7, 2**-6), torch.float16: (2**-10, 2**-9)}
"""Of the largest difference over the largest value, of outputs and of gradients."""


@dataclass(frozen=True)
class Case:
    """One scan.

    Attributes:
        visit: ``forward``, ``reverse``, ``order``, or ``both`` (forward and reverse under a gate) and ``both, order``.
        exact: the float64 scan it is compared with: ``reference``, or ``torch`` for long ones.
        optional: with D, bias and an initial state.
    """

    batch: int
    length: int
    width: int
    states: int
    groups: int = 1
    dtype: torch.dtype = torch.float32
    visit: str = "both"
    optional: bool = True
    exact: str = "reference"

    @property
    def name(self) -> str:
        kind = str(self.dtype).removeprefix("torch.")
        sizes = f"B {self.batch} L {self.length} D {self.width} N {self.states} G {self.groups}"
        return f"{sizes} {kind} {self.visit}{'' if self.optional else ', bare'}"


@dataclass(frozen=True)
class ConvCase:
    """One convolution; ``visit`` is ``forward``, ``reverse`` or ``order``."""

    batch: int
    length: int
    width: int
    dtype: torch.dtype = torch.float32
    visit: str = "forward"

    @property
    def name(self) -> str:
        kind = str(self.dtype).removeprefix("torch.")
        return f"convolution B {self.batch} L {self.length} D {self.width} {kind} {self.visit}"


def cases(*, small: bool = False) -> Iterator[Case | ConvCase]:
    """Every kind of input; ``small``: a few tiny ones."""
    if small:
        yield ConvCase(1, 5, 3, visit="reverse")
        yield Case(1, 5, 1, 1)
        yield Case(1, 5, 1, 2, dtype=torch.bfloat16, visit="order", optional=False)
        return
    for visit, length in itertools.product(("forward", "reverse", "order", "both", "both, order"), (1, 63, 64, 197)):
        yield Case(2, length, 96, 16, visit=visit)
    for dtype in LIMITS:
        yield Case(2, 197, 96, 16, dtype=dtype)
        yield Case(2, 130, 70, 8, 2, dtype=dtype, visit="order", optional=False)
        yield ConvCase(2, 1569, 768, dtype)
    for visit, length in itertools.product(("forward", "reverse", "order"), (1, 3, 197, 100_000)):
        yield ConvCase(1, length, 72, visit=visit)
    yield ConvCase(70_000, 33, 4)
    for states, groups, width in ((1, 1, 1), (3, 1, 7), (16, 3, 30), (17, 1, 40), (64, 1, 24), (16, 40, 40)):
        yield Case(3, 67, width, states, groups)
    for visit in ("both", "both, order"):
        yield Case(1, 1569, 768, 16, visit=visit, exact="torch")
        yield Case(64, 1569, 96, 16, visit=visit, exact="torch")
        yield Case(1, 100_000, 64, 16, visit=visit, exact="torch")
    yield Case(70_000, 3, 4, 4, exact="torch")  # more programs than an axis of CUDA's grid but the first takes
    yield Case(1, 3, 70_000, 2, 70_000, exact="torch")


def errors(case: Case | ConvCase, device: torch.device) -> tuple[float, float]:
    """Largest differences over the largest value, of the outputs and of the gradients.

    Raises:
        ValueError: NaN or infinity.
    """
    return _conv_errors(case, device) if isinstance(case, ConvCase) else _scan_errors(case, device)


def _conv_errors(case: ConvCase, device: torch.device) -> tuple[float, float]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((case.batch, case.length, case.width), (case.width, 4), (case.width,))
    x, weight, bias = (torch.randn(*shape, generator=generator).to(device) for shape in shapes)
    x = x.to(case.dtype)
    order = torch.randperm(case.length, generator=generator).to(device) if case.visit == "order" else None
    found = []
    for backend, dtype in (("triton", None), ("torch", torch.float64)):
        inputs = [_leaf(v, dtype) for v in (x, weight, bias)]
        out = causal_conv(
            inputs[0], inputs[1], inputs[2], reverse=case.visit == "reverse", order=order, backend=backend
        )
        found.append(([out], torch.autograd.grad(out, inputs, torch.ones_like(out))))
    (outputs, grads), (wanted, wanted_grads) = found
    return _largest(outputs, wanted), _largest(grads, wanted_grads)


def _scan_errors(case: Case, device: torch.device) -> tuple[float, float]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int, dtype: torch.dtype = case.dtype) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device, dtype)

    directions = [_drawn(case, draw) for _ in range(2 if "both" in case.visit else 1)]
    z, pull = (draw(case.batch, case.length, case.width) for _ in range(2))
    order = None
    if "order" in case.visit:
        order = torch.randperm(case.length, generator=generator).to(device)
    found = []
    for backend, dtype in (("triton", None), (case.exact, torch.float64)):
        both = [d.mapped(partial(_leaf, dtype=dtype)) for d in directions]
        gate = _leaf(z, dtype)
        outputs = _run(case, both, gate, order, backend)
        inputs = [x for d in both for x in d[:8] if x is not None] + [gate]
        pulls = [pull.to(outputs[0].dtype), *(torch.ones_like(x) for x in outputs[1:])]
        found.append((outputs, torch.autograd.grad(outputs, inputs, pulls)))
    (outputs, grads), (wanted, wanted_grads) = found
    return _largest(outputs, wanted), _largest(grads, wanted_grads)


def _drawn(case: Case, draw: Callable[..., Tensor]) -> ScanDirection:
    batch, length, width, states = case.batch, case.length, case.width, case.states
    weights = [draw(batch, length, case.groups, states) for _ in range(2)]
    A = -draw(width, states, dtype=torch.float32).abs() - 0.1
    extra = [draw(*shape, dtype=torch.float32) for shape in ((width,), (width,), (batch, width, states))]
    u, delta = (draw(batch, length, width) for _ in range(2))
    D, bias, state = extra if case.optional else (None, None, None)
    return ScanDirection(u, delta, A, weights[0], weights[1], D, bias, state)


def _leaf(x: Tensor, dtype: torch.dtype | None) -> Tensor:
    return x.detach().to(dtype or x.dtype).requires_grad_()


def _run(case: Case, both: Sequence[ScanDirection], z: Tensor, order: Tensor | None, backend: str) -> list[Tensor]:
    if len(both) == 2:
        out, last = bidirectional_scan(both[0], both[1], z, order=order, return_last_state=True, backend=backend)
        return [out, *last]
    direction = both[0]._replace(order=order, reverse=case.visit == "reverse")
    return [*directional_scan(direction, z, delta_softplus=True, backend=backend)]


def _largest(got: Sequence[Tensor], wanted: Sequence[Tensor]) -> float:
    worst = 0.0
    for ours, exact in zip(got, wanted, strict=True):
        if not ours.isfinite().all():
            raise ValueError("a result is not finite")
        if exact.numel():
            scale = exact.abs().max().clamp_min(1e-30)
            worst = max(worst, float((ours.detach().double() - exact.detach().double()).abs().max() / scale.detach()))
    return worst
