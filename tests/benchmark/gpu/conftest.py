"""Everything of the GPU's benchmark, on Triton's interpreter as a stand-in."""

import pytest
import torch

pytest.importorskip("triton")
from videomamba.ops.conv import triton_backend as conv_backend
from videomamba.ops.scan import triton_backend, triton_launch
from videomamba.ops.scan.triton_launch import Config


@pytest.fixture
def stand_in(monkeypatch):
    """Small tiles, and chunks of which a short sequence has several."""
    if torch.cuda.is_available():
        pytest.skip("of the interpreter")
    for name in ("TILE", "GRADIENT_TILE"):
        monkeypatch.setattr(conv_backend, name, {"T": 4, "BD": 4})
    monkeypatch.setattr(conv_backend, "TILES_PER_SPAN", 2)
    monkeypatch.setattr(triton_launch, "CHUNK", 4)
    monkeypatch.setattr(triton_backend, "config_of", lambda *a: Config(steps=4, channels=2, lanes=2))
