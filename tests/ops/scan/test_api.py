"""The scan's functions: two directions, mamba-ssm's layout, and arguments that do not fit."""

import pytest
import torch

from tests.ops.comparison import BACKENDS, exact, leaves, make_direction, relative_error
from videomamba.ops import (
    ScanDirection,
    bidirectional_scan,
    directional_scan,
    selective_scan,
)


def test_bidirectional_scan_is_the_gated_sum_of_two_walks():
    """The definition, with the second direction run by hand on flipped tensors."""
    forward, backward = (make_direction(2, 12, 4, 3, seed=seed) for seed in (0, 1))
    z = torch.randn(2, 12, 4, dtype=torch.float64)
    flipped = backward._replace(**{name: getattr(backward, name).flip(1) for name in ("u", "delta", "B", "C")})
    y_forward, _ = directional_scan(forward, delta_softplus=True, backend="reference")
    y_backward, _ = directional_scan(flipped, delta_softplus=True, backend="reference")
    want = torch.nn.functional.silu(z) * (y_forward + y_backward.flip(1))
    for order in (None, torch.arange(11, -1, -1)):
        for backend in ("reference", "torch"):
            got = bidirectional_scan(forward, backward, z, order=order, backend=backend)
            torch.testing.assert_close(got, want)


def test_one_step_by_hand():
    """delta = softplus(0.5 + 0.1); h = exp(delta A) h0 + delta B u; y = C h + D u."""
    values = ([[[2.0]]], [[[0.5]]], [[-3.0]], [[[0.7]]], [[[1.1]]], [0.3], [0.1], [[[5.0]]])
    d = ScanDirection(*(torch.tensor(x, dtype=torch.float64) for x in values))
    step = torch.log1p(torch.exp(torch.tensor(0.6, dtype=torch.float64)))
    state = torch.exp(-3 * step) * 5 + step * 0.7 * 2
    for backend in ("reference", "torch"):
        out, last = directional_scan(d, delta_softplus=True, backend=backend)
        torch.testing.assert_close(last.flatten()[0], state)
        torch.testing.assert_close(out.flatten()[0], 1.1 * state + 0.3 * 2)


@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_extreme_inputs_stay_finite_and_right(backend):
    """Step sizes of 1e-6 and 50, decay rates of 1e-4 and 1e3, inputs of 1e4."""
    length = 300
    steps = torch.where(torch.arange(length) % 2 == 0, 1e-6, 50.0)[None, :, None].expand(1, length, 4)
    A = torch.tensor([[-1e-4, -1e3]]).expand(4, 2)
    BC = torch.randn(1, length, 1, 2, generator=torch.Generator().manual_seed(0))
    u = torch.full((1, length, 4), 1e4)
    direction = ScanDirection(u.requires_grad_(), steps.clone().requires_grad_(), A, BC, BC)
    got = directional_scan(direction, backend=backend)[0]
    want = directional_scan(exact(direction), backend="reference")[0]
    assert relative_error(got, want) <= 1e-5
    assert all(g.isfinite().all() for g in torch.autograd.grad(got.sum(), [direction.u, direction.delta]))


def test_selective_scan_has_mamba_layout():
    """(B, D, L) in, (B, D, L) out, equal to the channels-last function; a constant B (D, N) counts for every token."""
    direction = make_direction(2, 9, 4, 3, groups=2)
    swap = {name: getattr(direction, name).transpose(1, 2) for name in ("u", "delta")}
    B, C = (x.permute(0, 2, 3, 1) for x in (direction.B, direction.C))
    want, want_last = directional_scan(direction, delta_softplus=True, backend="reference")
    got, last = selective_scan(
        swap["u"], swap["delta"], direction.A, B, C, direction.D, None, direction.delta_bias, True, True,
        initial_state=direction.initial_state,
    )  # fmt: skip
    torch.testing.assert_close(got, want.transpose(1, 2))
    torch.testing.assert_close(last, want_last)

    constant = torch.randn(4, 3, dtype=torch.float64)
    per_channel = direction._replace(B=constant.expand(2, 9, 4, 3), C=direction.C.repeat_interleave(2, 2))
    want, _ = directional_scan(per_channel, backend="reference")
    got = selective_scan(
        swap["u"], swap["delta"], direction.A, constant, C, direction.D, None, direction.delta_bias,
        initial_state=direction.initial_state,
    )  # fmt: skip
    torch.testing.assert_close(got, want.transpose(1, 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"delta": torch.zeros(2, 9, 5)}, r"delta has shape \(2, 9, 5\); expected \(2, 9, 4\)"),
        ({"A": torch.zeros(3, 3)}, r"A has shape \(3, 3\); expected \(D, N\) with D = 4"),
        ({"B": torch.zeros(2, 9, 3, 3)}, "G dividing D = 4"),
        ({"D": torch.zeros(5)}, r"D has shape \(5,\); expected \(4,\)"),
        ({"initial_state": torch.zeros(2, 4, 1)}, "initial_state has shape"),
        ({"order": torch.arange(8)}, "order has shape"),
        ({"order": torch.arange(9), "reverse": True}, "not both"),
        ({"u": torch.zeros(2, 9)}, r"expected three axes"),
    ],
)
def test_wrong_shapes_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        directional_scan(make_direction(2, 9, 4, 3)._replace(**change))


def test_unknown_backend_lists_the_known():
    with pytest.raises(
        ValueError, match=r"unknown backend 'cuda'; choose one of auto, native, triton, torch, reference"
    ):
        directional_scan(make_direction(1, 2, 2, 2), backend="cuda")


def test_native_refuses_float64():
    with pytest.raises(ValueError, match="backend 'native'"):
        directional_scan(make_direction(1, 2, 2, 2), backend="native")


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
    for got, wanted in zip(states, want, strict=True):
        assert relative_error(got, wanted) < 1e-5
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
@pytest.mark.parametrize("names", ["B", "C", "BC"])
def test_constant_weights_are_those_of_every_token(names, backend):
    """B or C as (D, N) beside groups in the other, and in one direction only."""
    dtype = torch.float64 if backend == "reference" else torch.float32
    first, second = (make_direction(2, 21, 6, 3, groups=2, dtype=dtype, seed=seed) for seed in (0, 1))
    given = {n: torch.randn(6, 3, generator=torch.Generator().manual_seed(5)).to(dtype) for n in names}
    constant = {n: x.requires_grad_() for n, x in given.items()}
    first = first._replace(**constant)
    got = bidirectional_scan(first, second, backend=backend)
    if names == "BC":
        assert first.groups() == 1
    repeated = {n: x.expand(2, 21, 6, 3) for n, x in constant.items()}
    others = {n: getattr(first, n).repeat_interleave(3, 2) for n in "BC" if n not in names}
    want = bidirectional_scan(exact(first._replace(**repeated, **others)), exact(second), backend="reference")
    assert relative_error(got, want) < 1e-6
    inputs = [*constant.values(), first.A, second.B]
    for ours, theirs in zip(*(torch.autograd.grad(y.sum(), inputs) for y in (got, want)), strict=True):
        assert ours.shape == theirs.shape
        assert relative_error(ours, theirs) < 1e-5


@pytest.mark.parametrize("backend", BACKENDS)
def test_directions_with_other_numbers_of_groups(backend):
    dtype = torch.float64 if backend == "reference" else torch.float32
    first, second = (make_direction(1, 9, 12, 4, groups=g, dtype=dtype, seed=g) for g in (2, 3))
    got = bidirectional_scan(first, second, backend=backend)
    want = sum(
        directional_scan(exact(d)._replace(reverse=r), delta_softplus=True, backend="reference")[0]
        for d, r in ((first, False), (second, True))
    )
    assert relative_error(got, want) < 1e-6
    with pytest.raises(ValueError, match="G dividing D = 12"):
        bidirectional_scan(first._replace(B=first.B[:, :, :0]), second, backend=backend)
