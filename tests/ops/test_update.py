"""Token by token is the whole sequence: states carried from call to call, outputs and gradients."""

import pytest
import torch

from tests.ops.comparison import leaves, make_direction, relative_error
from videomamba.ops import (
    bidirectional_scan,
    causal_conv,
    causal_conv1d,
    causal_conv1d_update,
    directional_scan,
    selective_scan,
    selective_state_update,
)
from videomamba.ops.backend import backend_status

BACKENDS = [name for name in ("native", "torch", "reference") if backend_status()[name][0]]


def draw(*shapes, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(s, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for s in shapes]


def test_state_updates_are_the_scan():
    d = make_direction(2, 6, 4, 3, optional=True)
    (z,) = draw((2, 6, 4))
    out, last = directional_scan(d, z, delta_softplus=True, backend="reference")
    state, steps = d.initial_state.clone(), []
    for t in range(6):
        B, C = d.B[:, t, 0], d.C[:, t, 0]
        steps.append(
            selective_state_update(
                state, d.u[:, t], d.delta[:, t], d.A, B, C, d.D, z[:, t], d.delta_bias, dt_softplus=True
            )
        )
    torch.testing.assert_close(torch.stack(steps, 1), out)
    torch.testing.assert_close(state, last)
    inputs = [*leaves(d).values(), z]
    pull = torch.cos(out.detach())
    got = torch.autograd.grad((torch.stack(steps, 1) * pull).sum() + state.sum(), inputs)
    want = torch.autograd.grad((out * pull).sum() + last.sum(), inputs)
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b)


def test_state_update_keeps_half_precision_states_in_their_dtype():
    state, x, dt, A, B, C = (v.detach() for v in draw((1, 4, 3), (1, 4), (1, 4), (4, 3), (1, 3), (1, 3)))
    exact = state.clone()
    want = selective_state_update(exact, x, dt, -A.abs(), B, C)
    half = state.bfloat16()
    got = selective_state_update(half, x.bfloat16(), dt.bfloat16(), -A.abs().float(), B.bfloat16(), C.bfloat16())
    assert (half.dtype, got.dtype) == (torch.bfloat16, torch.bfloat16)
    assert relative_error(got, want) < 2e-2
    assert relative_error(half, exact) < 2e-2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(1, 5)}, r"state has shape \(1, 4, 3\) and x \(1, 5\)"),
        ({"A": torch.zeros(4, 2)}, r"A has shape \(4, 2\); expected \(4, 3\)"),
        ({"dt": torch.zeros(1, 4, 1)}, r"dt has shape \(1, 4, 1\); expected \(1, 4\)"),
        ({"B": torch.zeros(1, 2)}, r"B has shape \(1, 2\); expected \(B, N\)"),
        ({"C": torch.zeros(1, 2, 3)}, r"C has shape \(1, 2, 3\)"),
        ({"D": torch.zeros(3)}, r"D has shape \(3,\); expected \(4,\)"),
        ({"A": torch.zeros(4, 3, dtype=torch.complex64)}, "A has dtype torch.complex64"),
    ],
)
def test_state_update_names_what_does_not_fit(change, message):
    shapes = {"state": (1, 4, 3), "x": (1, 4), "dt": (1, 4), "A": (4, 3), "B": (1, 3), "C": (1, 3)}
    with pytest.raises(ValueError, match=message):
        selective_state_update(**{name: torch.zeros(shape) for name, shape in shapes.items()} | change)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("ordered", [False, True])
def test_both_directions_return_their_last_states(ordered, backend):
    """Each is that of the direction run alone."""
    dtype = torch.float32 if backend == "native" else torch.float64
    first, second = (make_direction(2, 7, 4, 3, seed=seed, dtype=dtype) for seed in (0, 1))
    order = torch.randperm(7, generator=torch.Generator().manual_seed(0)) if ordered else None
    out, states = bidirectional_scan(first, second, order=order, return_last_state=True, backend=backend)
    assert torch.equal(out, bidirectional_scan(first, second, order=order, backend=backend))
    alone = (first, second._replace(order=order, reverse=not ordered))
    inputs = list(leaves(first, second).values())
    want = [directional_scan(d, delta_softplus=True, backend="reference")[1] for d in alone]
    for got, exact in zip(states, want, strict=True):
        assert relative_error(got, exact) < 1e-5
    grads = (
        torch.autograd.grad(sum(s.square().sum() for s in both), inputs, allow_unused=True) for both in (states, want)
    )
    for name, a, b in zip(leaves(first, second), *grads, strict=True):
        assert (
            (b is None or b.abs().max() == 0)
            if a is None
            else relative_error(a, torch.zeros_like(a) if b is None else b) < 1e-5
        ), name


def test_a_scan_in_two_pieces_is_the_whole():
    d = make_direction(1, 9, 4, 3)
    u, delta = (x.transpose(1, 2) for x in (d.u, d.delta))
    B, C = (x.permute(0, 2, 3, 1) for x in (d.B, d.C))
    whole, last = selective_scan(u, delta, d.A, B, C, return_last_state=True)
    first, state = selective_scan(u[..., :4], delta[..., :4], d.A, B[..., :4], C[..., :4], return_last_state=True)
    second, end = selective_scan(
        u[..., 4:], delta[..., 4:], d.A, B[..., 4:], C[..., 4:], return_last_state=True, initial_state=state
    )
    torch.testing.assert_close(torch.cat([first, second], -1), whole)
    torch.testing.assert_close(end, last)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("visit", ["forward", "reverse", "order"])
@pytest.mark.parametrize("length", [1, 2, 6])
def test_a_convolution_goes_on_from_its_final_states(length, visit, backend):
    """As a longer sequence whose first tokens are the states: values, final states, gradients."""
    dtype = torch.float32 if backend == "native" else torch.float64
    x, past, weight, bias = draw((2, length, 5), (2, 3, 5), (5, 4), (5,), dtype=dtype)
    order = torch.randperm(length, generator=torch.Generator().manual_seed(1)) if visit == "order" else None
    got, final = causal_conv(
        x, weight, bias, reverse=visit == "reverse", order=order,
        initial_states=past, return_final_states=True, backend=backend,
    )  # fmt: skip
    visits = x.flip(1) if visit == "reverse" else x if order is None else x[:, order]
    sequence = torch.cat([past, visits], 1)
    walked = causal_conv(sequence, weight, bias, backend="reference")[:, 3:]
    want = walked.flip(1) if visit == "reverse" else walked if order is None else walked[:, order.argsort()]
    torch.testing.assert_close(got, want)
    assert torch.equal(final, sequence[:, -3:])
    inputs = (x, past, weight, bias)
    grads = (
        torch.autograd.grad(out.square().sum() + end.sum(), inputs)
        for out, end in ((got, final), (want, sequence[:, -3:]))
    )
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


def test_final_states_of_a_short_sequence_begin_with_zeros():
    x, weight = draw((1, 1, 2), (2, 4))
    _, final = causal_conv(x, weight, return_final_states=True)
    assert torch.equal(final, torch.cat([torch.zeros(1, 2, 2, dtype=x.dtype), x], 1))


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("at_once", [1, 3])
def test_convolution_updates_are_the_whole_convolution(size, at_once):
    """``size``: of the state, which may be longer than the K - 1 tokens that count."""
    x, weight, bias, past = draw((2, 5, 9), (5, 4), (5,), (2, 5, size))
    whole = causal_conv1d(torch.cat([past, x], 2), weight, bias, "silu", backend="reference")[..., size:]
    state = past.clone()
    parts = []
    for some in x.split(at_once, 2):
        one = some.squeeze(2) if at_once == 1 else some
        y = causal_conv1d_update(one, state, weight, bias, "silu")
        assert y.shape == one.shape
        parts.append(y.unsqueeze(2) if at_once == 1 else y)
    torch.testing.assert_close(torch.cat(parts, 2), whole)
    assert torch.equal(state, torch.cat([past, x], 2)[..., -size:])
    inputs = (x, weight, bias, past)
    for a, b in zip(
        *(torch.autograd.grad(y.square().sum(), inputs) for y in (torch.cat(parts, 2), whole)), strict=True
    ):
        torch.testing.assert_close(a, b)


def test_the_package_layout_carries_states():
    x, weight, past = draw((1, 5, 4), (5, 4), (1, 5, 3))
    out, final = causal_conv1d(x, weight, initial_states=past, return_final_states=True)
    want, _ = causal_conv(
        x.transpose(1, 2), weight, silu=False, initial_states=past.transpose(1, 2), return_final_states=True
    )
    assert torch.equal(out, want.transpose(1, 2))
    assert torch.equal(final, torch.cat([past, x], 2)[..., -3:])


def test_bad_states_are_named():
    x, weight = (v.detach() for v in draw((1, 4, 5), (5, 4)))
    with pytest.raises(
        ValueError, match=r"initial_states has shape \(1, 2, 5\); expected \(B, K - 1, D\) = \(1, 3, 5\)"
    ):
        causal_conv(x, weight, initial_states=torch.zeros(1, 2, 5))
    with pytest.raises(ValueError, match=r"conv_state \(1, 5, 2\); expected .* S >= K - 1 = 3"):
        causal_conv1d_update(torch.zeros(1, 5), torch.zeros(1, 5, 2), torch.zeros(5, 4))
