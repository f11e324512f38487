"""The separate operations, put together: against finite differences, and the output projection behind them."""

import pytest
import torch
import torch.nn.functional as F

from videomamba.ops import SSMWeights
from videomamba.ops.mixer import reference

WIDTH, RANK, STATES = 4, 2, 3
ONE = ((WIDTH, 3), (WIDTH,), (RANK + 2 * STATES, WIDTH), (WIDTH, RANK), (WIDTH,), (WIDTH, STATES), (WIDTH,))


def core(*tensors, order=None, out_proj=None):
    first, second = SSMWeights(*tensors[1:8]), SSMWeights(*tensors[8:])
    return reference.forward(tensors[0], first, second, order=order, out_proj=out_proj, backend="torch")


@pytest.fixture
def tensors():
    generator = torch.Generator().manual_seed(0)
    shapes = [(1, 5, 2 * WIDTH), *ONE, *ONE]
    return [torch.randn(s, generator=generator, dtype=torch.float64).mul(0.5).requires_grad_() for s in shapes]


@pytest.mark.parametrize("order", [None, torch.tensor([3, 0, 4, 1, 2])])
def test_gradients_are_finite_differences(tensors, order):
    assert torch.autograd.gradcheck(lambda *given: core(*given, order=order), tensors, fast_mode=True)


def test_the_projection_comes_last(tensors):
    weight = torch.randn(3, WIDTH, dtype=torch.float64)
    torch.testing.assert_close(core(*tensors, out_proj=weight), F.linear(core(*tensors), weight))


def test_what_a_direction_reads(tensors):
    weights, u = SSMWeights(*tensors[1:8]), torch.randn(1, 5, WIDTH, dtype=torch.float64)
    direction = reference.selected(u, weights)
    step, B, C = F.linear(u, weights.x_proj).split((RANK, STATES, STATES), -1)
    assert torch.equal(direction.B, B)
    assert torch.equal(direction.C, C)
    assert torch.equal(direction.delta, step @ weights.dt_proj.T)
    torch.testing.assert_close(direction.A.neg().log(), weights.A_log)
