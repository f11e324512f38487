"""The operator alone, at lengths that blocks divide and others."""

import pytest
import torch
from torch import nn

from videomamba.nn.window_attention import window_attention

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from videomamba.exporters.onnx_attention import translate_attention  # noqa: E402


class Windows(nn.Module):
    def __init__(self, mask):
        super().__init__()
        self.mask = mask

    def forward(self, query, key, value):
        options = {"valid": None, "window_mask": self.mask}
        return torch.cat([window_attention(query, key, value, window=n, **options) for n in (1, 2, 8)], 1)


@pytest.mark.parametrize("mask", ["released", "exact"])
def test_values(mask, tmp_path):
    module, path = Windows(mask), tmp_path / "attention.onnx"

    def inputs(length):
        return torch.randn(2, 6, length), torch.randn(2, 6, length), torch.randn(2, 4, length)

    length = torch.export.Dim("length", min=1, max=100)
    with torch.no_grad():
        program = torch.export.export(module, inputs(11), dynamic_shapes=({2: length},) * 3)
        table = {torch.ops.videomamba.window_attention.default: translate_attention}
        torch.onnx.export(program, f=path, dynamo=True, verbose=False, custom_translation_table=table)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    for steps in (1, 3, 8, 11, 64):
        given = inputs(steps)
        want = module(*given)
        feeds = {name: x.numpy() for name, x in zip(names, given, strict=True)}
        torch.testing.assert_close(torch.from_numpy(session.run(None, feeds)[0]), want, rtol=1e-4, atol=1e-5)
        assert torch.equal(program.module()(*given), want)
