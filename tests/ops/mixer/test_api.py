"""The core with the projections around it."""

import pytest
import torch

from tests.ops.comparison import relative_error
from tests.ops.mixer.test_native import WIDTH, draw, gradients, names
from videomamba.ops import SSMWeights, st_ssm
from videomamba.ops.native.library import available

pytestmark = pytest.mark.skipif(not available()[0], reason="the compiled kernels are not installed")


def with_projections(length):
    """Tokens, both directions' weights, the projection before and that behind."""
    torch.manual_seed(0)
    _, *weights = draw(length)
    ends = torch.randn(2, length, 10), torch.randn(2 * WIDTH, 10) / 3, torch.randn(10, WIDTH)
    tokens, in_proj, out_proj = (x.double() for x in ends)
    return [tokens, *weights, in_proj, out_proj]


def projected_core(tensors, backend):
    tokens, *weights, in_proj, out_proj = tensors
    return st_ssm(
        tokens, SSMWeights(*weights[:7]), SSMWeights(*weights[7:]), in_proj=in_proj, out_proj=out_proj, backend=backend
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("length", [1, 21, 130])
def test_with_the_projections_around(length, dtype):
    """The result is computed again in the backward pass; the separate operations are the measure."""
    tensors = [x.detach().to(dtype).requires_grad_() for x in with_projections(length)]
    exact = [x.detach().double().requires_grad_() for x in tensors]
    results = []
    for given, backend in ((tensors, "auto"), (exact, "reference")):
        out = projected_core(given, backend)
        results.append((out, *gradients(out, given)))
    assert results[0][0].grad_fn.name() == "_CoreBackward"
    limit = 2e-5 if dtype == torch.float32 else 0.06
    for name, got, want in zip(["out", "tokens", *names()[1:], "in_proj", "out_proj"], *results, strict=True):
        assert got.dtype == dtype, name
        assert relative_error(got, want) < limit, name
    with torch.inference_mode():
        first = projected_core(tensors, "auto")
        assert torch.equal(first, results[0][0])
        assert torch.equal(projected_core(tensors, "auto"), first)  # which nothing has written over


def test_with_the_projections_around_under_autocast():
    tensors = [x.float() for x in with_projections(37)]
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        out, want = (projected_core(tensors, backend) for backend in ("auto", "torch"))
    assert out.dtype == want.dtype == torch.bfloat16
    assert relative_error(out, want.double()) < 0.03


@pytest.mark.parametrize(("batch", "length"), [(0, 5), (2, 0)])
def test_nothing_gives_nothing(batch, length):
    _, *weights, in_proj, out_proj = (x.float().detach().requires_grad_() for x in with_projections(1))
    given = [torch.randn(batch, length, 10, requires_grad=True), *weights, in_proj, out_proj]
    out = projected_core(given, "auto")
    assert out.shape == (batch, length, 10)
    for x, grad in zip(given, torch.autograd.grad(out.sum(), given), strict=True):
        assert torch.equal(grad, torch.zeros_like(x))
    with torch.inference_mode():
        assert projected_core(given, "auto").shape == out.shape


def test_autocast_leaves_float64_alone():
    tensors = with_projections(9)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        out = projected_core(tensors, "auto")
    assert torch.equal(out, projected_core(tensors, "auto"))
