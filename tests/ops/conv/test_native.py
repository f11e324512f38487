"""The compiled kernels of the convolution, every instruction set that this machine runs, against the reference."""

import pytest
import torch

from tests.ops.comparison import relative_error
from videomamba.ops import causal_conv


@pytest.mark.parametrize("visit", ["forward", "reverse", "order"])
@pytest.mark.parametrize("length", [1, 2, 5, 64, 131])
def test_convolution_equals_the_reference(variant, visit, length):
    generator = torch.Generator().manual_seed(length)
    x, weight, bias = (
        torch.randn(*shape, generator=generator, requires_grad=True) for shape in ((2, length, 19), (19, 4), (19,))
    )
    options = {"reverse": visit == "reverse"}
    if visit == "order":
        options["order"] = torch.randperm(length, generator=generator)
    got = causal_conv(x, weight, bias, backend="native", **options)
    wide = [v.detach().double().requires_grad_() for v in (x, weight, bias)]
    want = causal_conv(*wide, backend="reference", **options)
    assert relative_error(got, want) < 1e-6
    pull = torch.randn(got.shape, generator=generator)
    grads = torch.autograd.grad(got, (x, weight, bias), pull)
    for name, a, b in zip("xwb", grads, torch.autograd.grad(want, wide, pull.double()), strict=True):
        assert relative_error(a, b) < 1e-5, name
