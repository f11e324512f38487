"""RMS normalisation in C++: its values and gradients are those of PyTorch in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from tests.ops.comparison import relative_error
from videomamba.nn.norm import RMSNorm
from videomamba.ops.native import library
from videomamba.ops.norm import native

pytestmark = pytest.mark.skipif(not library.available()[0], reason="the compiled kernels are not installed")


def draw(*shape):
    generator = torch.Generator().manual_seed(len(shape))
    return torch.randn(*shape, generator=generator).requires_grad_(), torch.randn(shape[-1], requires_grad=True)


@pytest.mark.parametrize("shape", [(1, 3), (2, 5, 6), (3, 40, 37), (0, 4), (70, 384)])
def test_values_and_gradients_of_both_orders(variant, shape):
    x, weight = draw(*shape)
    exact = [t.detach().double().requires_grad_() for t in (x, weight)]
    assert native.serves(x, weight)
    out, want = native.rms_norm(x, weight, 1e-5), F.rms_norm(exact[0], shape[-1:], exact[1], 1e-5)
    assert out.grad_fn.name() == "_NormBackward"
    assert relative_error(out, want) < 1e-6
    with torch.no_grad():
        assert torch.equal(native.rms_norm(x, weight, 1e-5), out)
    pull = torch.randn(shape)
    found = torch.autograd.grad(out, (x, weight), pull)
    for got, wanted in zip(found, torch.autograd.grad(want, exact, pull.double(), create_graph=True), strict=True):
        assert relative_error(got, wanted) < 1e-5
    again = torch.autograd.grad(native.rms_norm(x, weight, 1e-5), (x, weight), pull, create_graph=True)
    wanted = torch.autograd.grad(
        F.rms_norm(exact[0], shape[-1:], exact[1], 1e-5), exact, pull.double(), create_graph=True
    )
    second = [
        torch.autograd.grad(sum(g.square().sum() for g in first), at)
        for first, at in ((again, (x, weight)), (wanted, exact))
    ]
    for got, want in zip(*second, strict=True):
        assert relative_error(got, want) < 1e-4


def test_a_transposed_input_and_gradient(variant):
    x, weight = draw(7, 5)
    (got,) = torch.autograd.grad(native.rms_norm(x.T.contiguous().T, weight, 1e-5).T.contiguous().square().sum(), x)
    (want,) = torch.autograd.grad(F.rms_norm(x, (5,), weight, 1e-5).square().sum(), x)
    assert relative_error(got, want.double()) < 1e-5


def test_a_gradient_keeps_x_alone():
    x, weight = draw(3, 4)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (kept.append(t), t)[1], lambda t: t):
        native.rms_norm(x, weight, 1e-5)
    assert {t.data_ptr() for t in kept} == {x.data_ptr(), weight.data_ptr()}


def test_other_dtypes_and_what_must_see_operators_are_left_to_pytorch():
    x, weight = draw(3, 4)
    assert not native.serves(x.double(), weight.double())
    assert not native.serves(x.to("meta"), weight)
    with FlopCounterMode(display=False):
        assert not native.serves(x, weight)
    norm = RMSNorm(4, eps=1e-5)
    assert torch.equal(norm.double()(x.double()), F.rms_norm(x.double(), (4,), norm.weight, 1e-5))
    assert norm.bfloat16()(x).dtype == torch.bfloat16
    mapped = torch.func.vmap(RMSNorm(4, eps=1e-5))(x)
    torch.testing.assert_close(mapped, F.rms_norm(x, (4,), eps=1e-5))
