"""Windowed attention against all pairs of steps with a mask."""

import math

import pytest
import torch

from videomamba.nn.window_attention import WindowAttention, window_attention


def sees(i, j, window, kind):
    """Whether step i attends to step j."""
    half = window // 2
    if kind == "exact":
        return i - half <= j < i - half + window
    start = i // window * window
    return start - half <= j < start - half + 2 * window - 1 and j < start + window + half


def all_pairs(q, k, v, window, kind):
    length = q.shape[-1]
    allowed = torch.tensor([[sees(i, j, window, kind) for j in range(length)] for i in range(length)])
    energy = q.transpose(1, 2) @ k / math.sqrt(q.shape[1])
    return v @ energy.masked_fill(~allowed, -math.inf).softmax(-1).transpose(1, 2)


@pytest.mark.parametrize("window", [1, 2, 4, 8, 64])
@pytest.mark.parametrize("length", [1, 7, 16, 33])
@pytest.mark.parametrize("kind", ["exact", "released"])
def test_it_is_attention_within_windows(window, length, kind):
    generator = torch.Generator().manual_seed(window + length)
    q, k, v = (torch.randn(2, 6, length, generator=generator, dtype=torch.float64) for _ in range(3))
    ours = window_attention(q, k, v, None, window=window, window_mask=kind)
    close = 1e-12 if kind == "exact" else 1e-3  # masked keys keep a trace of weight there
    torch.testing.assert_close(ours, all_pairs(q, k, v, window, kind), atol=close, rtol=0)


@pytest.mark.parametrize("kind", ["exact", "released"])
def test_padding_and_chunks_change_nothing(kind, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 6, 40, generator=generator) for _ in range(3))
    valid = torch.arange(40) < torch.tensor([40, 21])[:, None]
    both = window_attention(q, k, v, valid, window=8, window_mask=kind)
    assert both.isfinite().all()
    for i, length in enumerate((40, 21)):
        one = window_attention(*(x[i : i + 1, :, :length] for x in (q, k, v)), None, window=8, window_mask=kind)
        torch.testing.assert_close(both[i : i + 1, :, :length], one)
    monkeypatch.setattr("videomamba.nn.window_attention._CHUNK", 300)
    with torch.no_grad():
        torch.testing.assert_close(window_attention(q, k, v, valid, window=8, window_mask=kind), both)


def test_memory_is_linear_in_the_length():
    """No tensor of a forward and backward pass is near L x L."""
    largest = 0

    class Sizes(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            for x in out if isinstance(out, tuple | list) else (out,):
                if isinstance(x, torch.Tensor):
                    largest = max(largest, x.numel())
            return out

    layer = WindowAttention(8, window=16, r1=2, r2=2, window_mask="exact")
    with Sizes():
        layer(torch.randn(1, 8, 2000, requires_grad=True), None, None).sum().backward()
    assert largest < 2000 * 40
