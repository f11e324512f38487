"""A tile's parts in Triton's interpreter (or on a GPU), one by one."""

import pytest
import torch

triton = pytest.importorskip("triton")
tl = pytest.importorskip("triton.language")
triton_tiles = pytest.importorskip("videomamba.ops.scan.triton_tiles")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@triton.jit
def _states(decay, value, first, out, before, last, T: tl.constexpr, N: tl.constexpr, REVERSE: tl.constexpr):
    n = tl.arange(0, N)[None, None, :]
    at = tl.arange(0, T)[:, None, None, None] * N + n[None, :, :, :]
    h, earlier, end = triton_tiles.states_of(tl.load(decay + at), tl.load(value + at), tl.load(first + n), T, REVERSE)
    tl.store(out + at, h)
    tl.store(before + at, earlier)
    tl.store(last + n, end)


@triton.jit
def _gradients(decay, value, carry, out, first, T: tl.constexpr, N: tl.constexpr, REVERSE: tl.constexpr):
    n = tl.arange(0, N)[None, None, :]
    at = tl.arange(0, T)[:, None, None, None] * N + n[None, :, :, :]
    found, end = triton_tiles.gradients_of(tl.load(decay + at), tl.load(value + at), tl.load(carry + n), T, REVERSE)
    tl.store(out + at, found)
    tl.store(first + n, end)


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("reverse", [False, True])
def test_states_are_those_of_a_loop(reverse, steps):
    decay, value = torch.rand(steps, 2, device=DEVICE), torch.randn(steps, 2, device=DEVICE)
    first = torch.randn(2, device=DEVICE)
    out, before, last = torch.empty_like(value), torch.empty_like(value), torch.empty_like(first)
    _states[(1,)](decay, value, first, out, before, last, T=steps, N=2, REVERSE=reverse)
    state = first
    for t in reversed(range(steps)) if reverse else range(steps):
        torch.testing.assert_close(before[t], state)
        state = decay[t] * state + value[t]
        torch.testing.assert_close(out[t], state)
    torch.testing.assert_close(last, state)


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_of_states_are_those_of_autograd(reverse, steps):
    decay, value = torch.rand(steps, 2, device=DEVICE), torch.randn(steps, 2, device=DEVICE)
    carry = torch.randn(2, device=DEVICE)
    out, first = torch.empty_like(value), torch.empty_like(carry)
    _gradients[(1,)](decay, value, carry, out, first, T=steps, N=2, REVERSE=reverse)
    start = torch.zeros(2, device=DEVICE, requires_grad=True)
    states = [start]
    visited = [*reversed(range(steps))] if reverse else [*range(steps)]
    for t in visited:
        states.append(decay[t] * states[-1])
        states[-1].retain_grad()
    loss = sum((value[t] * states[1 + i]).sum() for i, t in enumerate(visited)) + (carry * states[-1]).sum()
    loss.backward()
    for i, t in enumerate(visited):
        torch.testing.assert_close(out[t], states[1 + i].grad)
    torch.testing.assert_close(first, start.grad)
