"""RMS normalisation: PyTorch's values, and a gradient that keeps x alone."""

import torch
import torch.nn.functional as F

from videomamba.nn.norm import RMSNorm


def made(dtype=torch.float64):
    torch.manual_seed(0)
    norm = RMSNorm(6, eps=1e-5).to(dtype)
    norm.weight.data.normal_()
    return norm, torch.randn(2, 5, 6, dtype=dtype, requires_grad=True)


def test_values_are_pytorchs_to_the_digit_with_and_without_a_gradient():
    norm, x = made(torch.float32)
    want = F.rms_norm(x, (6,), norm.weight, norm.eps)
    assert torch.equal(norm(x), want)
    with torch.no_grad():
        assert torch.equal(norm(x), want)
    assert norm.bfloat16()(x).dtype == torch.bfloat16


def test_gradients_of_both_orders():
    norm, x = made()
    assert norm(x).grad_fn.name() == "_NormBackward"
    names, weights = zip(*norm.named_parameters(), strict=True)

    def run(x, *weights):
        return torch.func.functional_call(norm, dict(zip(names, weights, strict=True)), x)

    assert torch.autograd.gradcheck(run, (x, *weights))
    assert torch.autograd.gradgradcheck(run, (x, *weights))


def test_a_gradient_keeps_x_alone():
    norm, x = made()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (kept.append(t), t)[1], lambda t: t):
        norm(x)
    assert {t.data_ptr() for t in kept} == {x.data_ptr(), norm.weight.data_ptr()}
