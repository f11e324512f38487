"""MS-TCN++: how far its layers see, by gradients, and that each stage refines the one before."""

import torch

from videomamba.models import create_model
from videomamba.models.mstcn2 import DilatedLayer, DualDilatedLayer


def seen(layer, length=41):
    """Places whose input has a part in the output in the middle."""
    x = torch.randn(1, 2, length, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (grad,) = torch.autograd.grad(layer(x, None)[0, :, length // 2].sum(), x)
    return sorted({int(place) - length // 2 for place in grad.abs().sum((0, 1)).nonzero()})


def test_a_dual_layer_sees_near_and_far():
    torch.manual_seed(1)
    assert seen(DualDilatedLayer(2, (1, 8), 0.0)) == [-8, -1, 0, 1, 8]
    assert seen(DilatedLayer(2, 4, 0.0)) == [-4, 0, 4]


def test_the_prediction_sees_far_with_few_layers():
    """Dilations (1, 4), (2, 2), (4, 1) reach 4 + 2 + 4 = 10 steps, and so no refinement."""
    torch.manual_seed(0)
    model = create_model("mstcn2", input_dim=2, num_classes=2, embed_dim=8, num_layers=3, num_refinements=0).eval()
    x = torch.randn(1, 2, 41).requires_grad_()
    (grad,) = torch.autograd.grad(model(x)[0, 0, :, 20].sum(), x)
    places = grad.abs().sum((0, 1)).nonzero().flatten() - 20
    assert (int(places.min()), int(places.max())) == (-10, 10)


def test_a_refinement_sees_the_probabilities_before_it_and_not_the_features():
    torch.manual_seed(0)
    model = create_model("mstcn2", input_dim=2, num_classes=3, embed_dim=4, num_layers=2, num_refinements=1).eval()
    first, second = model(torch.randn(1, 2, 9))
    again = model.refinements[0](first.softmax(1), None)
    torch.testing.assert_close(again, second)
