"""The causal convolution in PyTorch against its definition."""

import pytest
import torch

from tests.ops.conv.inputs import inputs_of
from videomamba.ops import causal_conv


@pytest.mark.parametrize("length", [1, 2, 4, 17])
@pytest.mark.parametrize("visit", ["forward", "reverse", "order"])
@pytest.mark.parametrize("silu", [False, True])
def test_torch_backend_equals_reference(length, visit, silu):
    x, weight, bias = inputs_of(length)
    order = torch.randperm(length, generator=torch.Generator().manual_seed(3)) if visit == "order" else None
    results = []
    for backend in ("torch", "reference"):
        y = causal_conv(x, weight, bias, silu=silu, reverse=visit == "reverse", order=order, backend=backend)
        grads = torch.autograd.grad((y * torch.arange(y.numel()).view_as(y)).sum(), (x, weight, bias))
        results.append((y, *grads))
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got, want)
