"""The causal convolution: its definition, mamba-ssm's layout, states carried from call to call."""

import pytest
import torch

from tests.ops.comparison import BACKENDS, draw
from tests.ops.conv.inputs import inputs_of
from videomamba.ops import (
    causal_conv,
    causal_conv1d,
    causal_conv1d_update,
)


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


@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_equals_conv1d_with_left_padding(backend):
    x, weight, bias = inputs_of(9)
    want = torch.nn.functional.conv1d(x.transpose(1, 2), weight[:, None], bias, padding=3, groups=5)[..., :9]
    got = causal_conv1d(x.transpose(1, 2), weight, bias, backend=backend)
    torch.testing.assert_close(got, want)
    flipped = causal_conv1d(x.transpose(1, 2), weight, bias, "silu", reverse=True, backend=backend)
    want = torch.nn.functional.conv1d(x.flip(1).transpose(1, 2), weight[:, None], bias, padding=3, groups=5)[..., :9]
    torch.testing.assert_close(flipped, torch.nn.functional.silu(want).flip(2))


def test_without_bias_and_on_an_empty_batch():
    x, weight, _ = inputs_of(6)
    want = causal_conv(x, weight, torch.zeros(5, dtype=torch.float64), backend="reference")
    torch.testing.assert_close(causal_conv(x, weight, backend="torch"), want)
    assert causal_conv(x[:0], weight, backend="torch").shape == (0, 6, 5)


def test_bad_arguments_are_named():
    x, weight, bias = inputs_of(6)
    with pytest.raises(ValueError, match=r"weight \(3, 4\)"):
        causal_conv(x, weight[:3])
    with pytest.raises(ValueError, match=r"bias has shape \(2,\)"):
        causal_conv(x, weight, bias[:2])
    with pytest.raises(ValueError, match="not both"):
        causal_conv(x, weight, bias, reverse=True, order=torch.arange(6))
    with pytest.raises(ValueError, match="unknown activation 'relu'"):
        causal_conv1d(x.transpose(1, 2), weight, bias, "relu")
