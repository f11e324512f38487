"""The causal convolution against its definition."""

import pytest
import torch

from videomamba.ops import causal_conv, causal_conv1d


def draw(length, taps=4):
    generator = torch.Generator().manual_seed(length)
    shapes = ((2, length, 5), (5, taps), (5,))
    return [torch.randn(s, generator=generator, dtype=torch.float64).requires_grad_() for s in shapes]


@pytest.mark.parametrize("length", [1, 2, 4, 17])
@pytest.mark.parametrize("visit", ["forward", "reverse", "order"])
@pytest.mark.parametrize("silu", [False, True])
def test_torch_backend_equals_reference(length, visit, silu):
    x, weight, bias = draw(length)
    order = torch.randperm(length, generator=torch.Generator().manual_seed(3)) if visit == "order" else None
    results = []
    for backend in ("torch", "reference"):
        y = causal_conv(x, weight, bias, silu=silu, reverse=visit == "reverse", order=order, backend=backend)
        grads = torch.autograd.grad((y * torch.arange(y.numel()).view_as(y)).sum(), (x, weight, bias))
        results.append((y, *grads))
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got, want)


@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_equals_conv1d_with_left_padding(backend):
    x, weight, bias = draw(9)
    want = torch.nn.functional.conv1d(x.transpose(1, 2), weight[:, None], bias, padding=3, groups=5)[..., :9]
    got = causal_conv1d(x.transpose(1, 2), weight, bias, backend=backend)
    torch.testing.assert_close(got, want)
    flipped = causal_conv1d(x.transpose(1, 2), weight, bias, "silu", reverse=True, backend=backend)
    want = torch.nn.functional.conv1d(x.flip(1).transpose(1, 2), weight[:, None], bias, padding=3, groups=5)[..., :9]
    torch.testing.assert_close(flipped, torch.nn.functional.silu(want).flip(2))


def test_without_bias_and_on_an_empty_batch():
    x, weight, _ = draw(6)
    want = causal_conv(x, weight, torch.zeros(5, dtype=torch.float64), backend="reference")
    torch.testing.assert_close(causal_conv(x, weight, backend="torch"), want)
    assert causal_conv(x[:0], weight, backend="torch").shape == (0, 6, 5)


def test_bad_arguments_are_named():
    x, weight, bias = draw(6)
    with pytest.raises(ValueError, match=r"weight \(3, 4\)"):
        causal_conv(x, weight[:3])
    with pytest.raises(ValueError, match=r"bias has shape \(2,\)"):
        causal_conv(x, weight, bias[:2])
    with pytest.raises(ValueError, match="not both"):
        causal_conv(x, weight, bias, reverse=True, order=torch.arange(6))
    with pytest.raises(ValueError, match="unknown activation 'relu'"):
        causal_conv1d(x.transpose(1, 2), weight, bias, "relu")
