"""Large products by oneDNN: values and every derivative are those of float64, and only where it was found to pay."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.ops.comparison import relative_error
from videomamba.nn.mixer import SpatioTemporalSSM
from videomamba.ops.mixer import product
from videomamba.ops.mixer.product import by_onednn, choice, linear
from videomamba.ops.native import library

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise") or not torch.backends.mkldnn.is_available(),
    reason="this PyTorch is built without oneDNN",
)


@pytest.fixture(params=["oneDNN", "PyTorch"])
def library_of_products(request, monkeypatch):
    monkeypatch.setattr(product, "choice", lambda: (request.param == "oneDNN", "as the test wants it"))
    return request.param


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("layout", ["contiguous", "transposed", "every second"])
@pytest.mark.parametrize("rows", [(17,), (2, 9), (3, 0)], ids=str)
def test_values_and_gradients(rows, layout, library_of_products):
    x, wide = draw(*rows, 384), draw(400, 768, seed=1)
    weight = {"contiguous": wide[:, :384].contiguous(), "transposed": draw(384, 400).T, "every second": wide[:, ::2]}[
        layout
    ]
    assert by_onednn(x, weight) is (library_of_products == "oneDNN" and x.numel() > 0)
    exact = [t.double().requires_grad_() for t in (x, weight)]
    given = [t.requires_grad_() for t in (x, weight)]
    out, want = linear(*given), torch.nn.functional.linear(*exact)
    pull = draw(*want.shape, seed=2)
    grads, wanted = torch.autograd.grad(out, given, pull), torch.autograd.grad(want, exact, pull.double())
    for got, right in zip((out, *grads), (want, *wanted), strict=True):
        assert got.dtype == torch.float32
        assert got.shape == right.shape
        assert got.numel() == 0 or relative_error(got, right) < 2e-6
    with torch.no_grad():
        assert torch.equal(linear(*given), out)
        room = torch.full((x.numel() // 384, 400), torch.nan)
        written = linear(*given, room)
    assert relative_error(written, want) < 2e-6 if written.numel() else True
    assert (written.data_ptr() == room.data_ptr()) is (not by_onednn(x, weight))


def test_derivatives_of_the_gradient(library_of_products):
    found = []
    for dtype in (torch.float32, torch.float64):
        given = [t.to(dtype).requires_grad_() for t in (draw(20, 384) / 20, draw(400, 384, seed=1) / 20)]
        first = torch.autograd.grad(linear(*given).square().sum(), given, create_graph=True)
        found.append(torch.autograd.grad(sum(g.square().sum() for g in first), given))
    for got, want in zip(*found, strict=True):
        assert relative_error(got, want) < 1e-5


def test_what_needs_no_gradient_gets_none(library_of_products):
    x, weight = draw(20, 384).requires_grad_(), draw(400, 384)
    linear(x, weight).sum().backward()
    assert x.grad is not None
    assert weight.grad is None
    weight.requires_grad_()
    linear(x.detach(), weight).sum().backward()
    assert weight.grad is not None


def test_where_it_pays(monkeypatch):
    monkeypatch.setattr(product, "choice", lambda: (True, ""))
    x, weight = draw(100, 384), draw(384, 384)
    assert by_onednn(x, weight)
    assert not by_onednn(x[:5], weight)  # little work
    assert not by_onednn(x[:, :192], weight[:, :192])  # a small weight
    assert not by_onednn(x.double(), weight.double())
    assert not by_onednn(x.bfloat16(), weight.bfloat16())
    assert not by_onednn(torch.empty(11_000, 384), weight)  # a large result, which needs new memory
    with torch.autocast("cpu", torch.bfloat16):
        assert not by_onednn(x, weight)
        assert linear(x, weight).dtype == torch.bfloat16
    with torch.backends.mkldnn.flags(enabled=False):
        assert not by_onednn(x, weight)
    with FlopCounterMode(display=False) as counter:
        linear(x, weight)
    assert counter.get_total_flops() == 2 * 100 * 384 * 384
    monkeypatch.setattr(product, "choice", lambda: (False, ""))
    assert not by_onednn(x, weight)


@pytest.mark.parametrize(
    ("vendor", "mkl", "taken", "said"),
    [
        ("AuthenticAMD", True, True, "AMD"),
        ("AuthenticAMD", False, False, "does not have both"),
        ("GenuineIntel", True, False, "MKL"),
        (None, True, False, "MKL"),
    ],
)
def test_the_choice_has_a_reason(vendor, mkl, taken, said, monkeypatch):
    monkeypatch.setattr(product, "vendor", lambda: vendor)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: mkl)
    got, reason = choice.__wrapped__()
    assert got is taken
    assert said in reason


@pytest.mark.skipif(not library.available()[0], reason="the compiled kernels are not installed")
def test_a_mixer_of_full_width(library_of_products):
    """Its projections, forward and back, and the room that its block shares with the next."""
    torch.manual_seed(0)
    mixer = SpatioTemporalSSM(256)
    exact = SpatioTemporalSSM(256, backend="reference").double()
    exact.load_state_dict(mixer.state_dict())
    tokens = draw(2, 33, 256)
    out, want = mixer(tokens), exact(tokens.double())
    assert relative_error(out, want) < 1e-5
    pull = draw(*want.shape, seed=2)
    grads = torch.autograd.grad(out, list(mixer.parameters()), pull)
    wanted = torch.autograd.grad(want, list(exact.parameters()), pull.double())
    for (name, _), got, right in zip(mixer.named_parameters(), grads, wanted, strict=True):
        assert relative_error(got, right) < 5e-5, name
    with torch.inference_mode():
        first, second = mixer(tokens), mixer(-tokens)
        assert torch.equal(first, out)
        assert relative_error(second, exact(-tokens.double())) < 1e-5
