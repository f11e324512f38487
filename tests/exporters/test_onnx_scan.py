"""The operator alone, in every combination of inputs that a model can give it."""

import pytest
import torch
from torch import nn

from videomamba.ops import ScanDirection, bidirectional_scan, causal_conv

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from videomamba.exporters import onnx_scan  # noqa: E402
from videomamba.exporters.onnx_conv import translate_conv  # noqa: E402
from videomamba.exporters.onnx_scan import linear_attention, standard_scan, translation  # noqa: E402

D, N, L = 6, 4, 7


class Both(nn.Module):
    """Convolution and scan in both directions."""

    def __init__(self, order, *, skip, bias, gate):
        super().__init__()
        self.order, self.gate = order, gate
        self.register_buffer("A", -torch.rand(D, N))
        self.register_buffer("D", torch.randn(D) if skip else None)
        self.register_buffer("bias", torch.randn(D) if bias else None)
        self.register_buffer("taps", torch.randn(D, 4))

    def forward(self, x, delta, BC, z):
        B, C = BC.chunk(2, -1)
        directions = []
        for reverse, order in ((False, None), (self.order is None, self.order)):
            u = causal_conv(x, self.taps, reverse=reverse, order=order)
            directions.append(ScanDirection(u, delta, self.A, B, C, self.D, self.bias))
        return bidirectional_scan(*directions, z if self.gate else None, order=self.order)


class Models(nn.Module):
    """All of it, backwards; and nothing that may be left out, in an order."""

    def __init__(self):
        super().__init__()
        self.flip = Both(None, skip=True, bias=True, gate=True)
        self.order = Both(torch.tensor([3, 1, 0, 6, 2, 5, 4]), skip=False, bias=False, gate=False)

    def forward(self, x, delta, BC, z):
        return self.flip(x, delta, BC, z), self.order(x, delta, BC, z)


@pytest.mark.parametrize(
    ("recurrence", "chunk"),
    [(standard_scan, 3), pytest.param(standard_scan, 16, marks=pytest.mark.slow), (linear_attention, 16)],
)
def test_values(recurrence, chunk, tmp_path, monkeypatch):
    """Chunks that end with the tokens or behind them."""
    monkeypatch.setattr(onnx_scan, "CHUNK", chunk)
    torch.manual_seed(0)
    module = Models().eval()
    # step sizes from where softplus is tiny to where it is the identity
    inputs = torch.randn(2, L, D), 15 * torch.randn(2, L, D), torch.randn(2, L, 2 * N), torch.randn(2, L, D)
    table = {
        torch.ops.videomamba.scan.default: translation(recurrence),
        torch.ops.videomamba.causal_conv.default: translate_conv,
    }
    path = tmp_path / "scan.onnx"
    with torch.no_grad():
        torch.onnx.export(module, inputs, path, dynamo=True, verbose=False, custom_translation_table=table)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    feeds = {name: x.numpy() for name, x in zip(names, inputs, strict=False)}
    for got, want in zip(session.run(None, feeds), module(*inputs), strict=True):
        torch.testing.assert_close(torch.from_numpy(got), want, rtol=1e-4, atol=1e-5)
