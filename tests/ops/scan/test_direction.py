"""One direction's inputs: changed together, and put in the order of a visit and back."""

import torch

from videomamba.ops.scan.direction import ScanDirection, ScanGradients


def direction_of(**options):
    u, delta = torch.arange(6.0).view(1, 3, 2), torch.zeros(1, 3, 2)
    return ScanDirection(u, delta, -torch.ones(2, 4), torch.ones(1, 3, 4), torch.ones(1, 3, 4), **options)


def test_a_visit_takes_token_order_j_at_step_j_and_restored_undoes_it():
    direction = direction_of(order=torch.tensor([2, 0, 1]))
    seen = direction.visited(direction.u)
    assert seen.tolist() == [[[4, 5], [0, 1], [2, 3]]]
    assert torch.equal(direction.restored(seen), direction.u)
    reverse = direction_of(reverse=True)
    assert reverse.visited(reverse.u).tolist() == [[[4, 5], [2, 3], [0, 1]]]
    assert torch.equal(reverse.restored(reverse.visited(reverse.u)), reverse.u)


def test_every_tensor_is_changed_but_the_order():
    order = torch.tensor([2, 0, 1])
    optional = {"D": torch.ones(2), "delta_bias": torch.ones(2), "initial_state": torch.ones(1, 2, 4)}
    changed = direction_of(order=order, **optional).mapped(torch.Tensor.double)
    assert [x.dtype for x in changed[:8]] == [torch.float64] * 8
    assert changed.order is order
    assert direction_of(reverse=True).mapped(torch.Tensor.double)[5:] == (None, None, None, None, True)


def test_gradients_have_their_inputs_dtype_and_are_none_without_one():
    direction = direction_of(D=torch.ones(2, dtype=torch.bfloat16))
    gradients = ScanGradients(*(torch.ones(2) for _ in range(8))).like(direction)
    assert gradients.D.dtype == torch.bfloat16
    assert gradients.u.dtype == torch.float32
    assert (gradients.delta_bias, gradients.initial_state) == (None, None)
