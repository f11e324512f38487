"""The convolution in Triton as an operator: dtypes, edges, launches."""

import pytest
import torch

from videomamba.ops import causal_conv

pytest.importorskip("triton")
from videomamba.ops.conv import triton_backend
from videomamba.ops.scan.triton_launch import recorded

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    for name in ("TILE", "GRADIENT_TILE"):
        monkeypatch.setattr(triton_backend, name, {"T": 4, "BD": 4})
    monkeypatch.setattr(triton_backend, "TILES_PER_SPAN", 2)


def test_bfloat16_is_float32_rounded():
    x, weight = torch.randn(1, 6, 3, device=DEVICE).bfloat16(), torch.randn(3, 4, device=DEVICE)
    got = causal_conv(x, weight, backend="triton")
    want = causal_conv(x.float(), weight, backend="reference")
    assert got.dtype == torch.bfloat16
    assert ((got.float() - want).abs() <= 2**-7 * want.abs() + 1e-6).all()


@pytest.mark.parametrize("shape", [(0, 5, 3), (2, 0, 3)])
def test_nothing_is_nothing(shape):
    x, weight = torch.zeros(shape, device=DEVICE, requires_grad=True), torch.ones(3, 4, device=DEVICE)
    out = causal_conv(x, weight, backend="triton")
    out.sum().backward()
    assert out.shape == x.grad.shape == shape


def test_many_taps_are_left_to_pytorch():
    x, weight = torch.randn(1, 12, 2, device=DEVICE), torch.randn(2, 9, device=DEVICE)
    with recorded() as launches:
        causal_conv(x, weight, backend="triton")
    assert not launches


def test_the_operator_passes_opcheck():
    x, weight = torch.randn(1, 5, 2, device=DEVICE, requires_grad=True), torch.randn(2, 4, device=DEVICE)
    torch.library.opcheck(triton_backend._conv, (x, weight, None, None, True, True))


def test_one_axis_of_programs(monkeypatch):
    monkeypatch.setattr(triton_backend, "TILE", {"T": 32, "BD": 64})
    with recorded() as launches:
        triton_backend._conv(torch.empty(70_000, 40, 4), torch.empty(4, 4), None, None, False, True)
    assert [launch.programs for launch in launches] == [140_000]
