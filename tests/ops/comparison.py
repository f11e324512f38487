"""Random inputs of a scan, and how two results are compared: outputs and every gradient by name."""

import torch
from torch import Tensor

from videomamba.ops import (
    ScanDirection,
)
from videomamba.ops.backend import backend_status

NAMES = ("u", "delta", "A", "B", "C", "D", "delta_bias", "initial_state")


def make_direction(batch, length, width, states, groups=1, *, optional=True, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()

    A = (-torch.rand(width, states, generator=generator, dtype=torch.float64) - 0.1).to(dtype).requires_grad_()
    B, C = draw(batch, length, groups, states), draw(batch, length, groups, states)
    extra = (draw(width), draw(width), draw(batch, width, states)) if optional else (None, None, None)
    return ScanDirection(draw(batch, length, width), draw(batch, length, width), A, B, C, *extra)


def leaves(*directions: ScanDirection) -> dict[str, Tensor]:
    return {
        f"{name}[{i}]": getattr(direction, name)
        for i, direction in enumerate(directions)
        for name in NAMES
        if getattr(direction, name) is not None
    }


def exact(direction: ScanDirection) -> ScanDirection:
    """The same in float64."""
    return direction.mapped(Tensor.double)


def relative_error(got: Tensor, wanted: Tensor) -> float:
    assert got.shape == wanted.shape
    if wanted.numel() == 0:
        return 0.0
    got, wanted = got.detach().double(), wanted.detach()
    return float((got - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30))


def compare(outputs, wanted, inputs, *, limit, gradient_limit):
    for index, (got, want) in enumerate(zip(outputs, wanted, strict=True)):
        assert relative_error(got, want) <= limit, f"output {index}"
    weights = [torch.randn(w.shape, generator=torch.Generator().manual_seed(i)) for i, w in enumerate(wanted)]
    grads = []
    for results in (outputs, wanted):
        loss = sum((r * w.to(r.dtype)).sum() for r, w in zip(results, weights, strict=True))
        grads.append(torch.autograd.grad(loss, list(inputs.values())))
    for name, got, want in zip(inputs, *grads, strict=True):
        assert relative_error(got, want) <= gradient_limit, f"gradient of {name}"


BACKENDS = [name for name in ("native", "torch", "reference") if backend_status()[name][0]]


def draw(*shapes, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(s, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for s in shapes]
