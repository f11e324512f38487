"""A tile's parts in Triton's interpreter (or on a GPU), one by one."""

import pytest
import torch

triton = pytest.importorskip("triton")
tl = pytest.importorskip("triton.language")
triton_tiles = pytest.importorskip("videomamba.ops.scan.triton_tiles")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@triton.jit
def _shift(x, out, T: tl.constexpr, N: tl.constexpr, REVERSE: tl.constexpr):
    at = tl.arange(0, T)[:, None] * N + tl.arange(0, N)[None, :]
    tl.store(out + at, triton_tiles.shifted(tl.load(x + at), REVERSE))


@triton.jit
def _states(decay, value, first, out, last, T: tl.constexpr, N: tl.constexpr, REVERSE: tl.constexpr):
    n = tl.arange(0, N)[None, None, :]
    at = tl.arange(0, T)[:, None, None, None] * N + n[None, :, :, :]
    h, end = triton_tiles.states_of(tl.load(decay + at), tl.load(value + at), tl.load(first + n), T, REVERSE)
    tl.store(out + at, h)
    tl.store(last + n, end)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_shift_is_by_one_step_and_zero_at_the_edge(reverse):
    x = torch.randn(4, 2, device=DEVICE)
    out = torch.empty_like(x)
    _shift[(1,)](x, out, T=4, N=2, REVERSE=reverse)
    zero = x.new_zeros(1, 2)
    assert torch.equal(out, torch.cat([x[1:], zero] if reverse else [zero, x[:-1]]))


@pytest.mark.parametrize("reverse", [False, True])
def test_states_are_those_of_a_loop(reverse):
    decay, value = torch.rand(4, 2, device=DEVICE), torch.randn(4, 2, device=DEVICE)
    first = torch.randn(2, device=DEVICE)
    out, last = torch.empty_like(value), torch.empty_like(first)
    _states[(1,)](decay, value, first, out, last, T=4, N=2, REVERSE=reverse)
    state = first
    for t in reversed(range(4)) if reverse else range(4):
        state = decay[t] * state + value[t]
        torch.testing.assert_close(out[t], state)
    torch.testing.assert_close(last, state)
