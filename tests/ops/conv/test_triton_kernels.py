"""The convolution's Triton kernels, in the interpreter (or on a GPU), against the reference."""

import pytest
import torch

from tests.ops.comparison import relative_error
from videomamba.ops import causal_conv

pytest.importorskip("triton")
from videomamba.ops.conv import triton_backend

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    for name in ("TILE", "GRADIENT_TILE"):
        monkeypatch.setattr(triton_backend, name, {"T": 4, "BD": 4})
    monkeypatch.setattr(triton_backend, "TILES_PER_SPAN", 2)


@pytest.mark.parametrize("visit", ["forward", "reverse", "order"])
@pytest.mark.parametrize(
    ("length", "taps", "silu"), [(1, 4, True), (9, 3, False), pytest.param(19, 4, True, marks=pytest.mark.slow)]
)
def test_values_and_gradients_are_the_references(visit, length, taps, silu):
    """19 tokens are three spans of two tiles; five channels are two blocks."""
    generator = torch.Generator().manual_seed(length)
    shapes = ((2, length, 10), (5, taps), (5,))
    wide, weight, bias = (torch.randn(*s, generator=generator).to(DEVICE).requires_grad_() for s in shapes)
    x = wide[..., 5:]  # as the model has it: half of a wider projection
    options = {"reverse": visit == "reverse", "silu": silu}
    if visit == "order":
        options["order"] = torch.randperm(length, generator=generator).to(DEVICE)
    got = causal_conv(x, weight, bias if silu else None, backend="triton", **options)
    want = causal_conv(x.double(), weight.double(), bias.double() if silu else None, backend="reference", **options)
    assert relative_error(got, want) < 1e-6
    pull = torch.randn(got.shape, generator=generator).to(DEVICE)
    inputs = (wide, weight, bias)[: 2 + silu]
    grads = torch.autograd.grad(got, inputs, pull)
    for name, a, b in zip("xwb", grads, torch.autograd.grad(want, inputs, pull.double()), strict=False):
        assert relative_error(a, b) < 1e-5, name
