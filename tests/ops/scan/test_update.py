"""Token by token is the whole sequence: states carried from call to call, outputs and gradients."""

import pytest
import torch

from tests.ops.comparison import draw, leaves, make_direction, relative_error
from videomamba.ops import (
    directional_scan,
    selective_state_update,
)


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
