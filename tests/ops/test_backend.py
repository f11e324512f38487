"""A backend is a file and a line: what the table says is what runs, and what is refused."""

import pytest
import torch

from tests.ops.comparison import make_direction
from videomamba.notes import UserNote
from videomamba.ops import directional_scan
from videomamba.ops.backend import BACKENDS, SCANS, backend_status, resolve_backend
from videomamba.ops.scan import torch_backend
from videomamba.ops.scan.contract import ScanBackend

CPU = torch.device("cpu")


def test_auto_takes_the_first_that_serves():
    kernel = "native" if backend_status()["native"][0] else "torch"
    assert resolve_backend("auto", CPU, torch.float32) == kernel
    assert resolve_backend("auto", CPU, torch.bfloat16) == kernel
    assert resolve_backend("auto", CPU, torch.float64) == "torch"
    assert resolve_backend("auto", CPU, torch.float16) == "torch"
    with pytest.warns(UserNote, match="no kernel for Apple's MPS: it runs in PyTorch's operations"):
        assert resolve_backend("auto", torch.device("mps"), torch.float32) == "torch"
    assert BACKENDS == ("auto", "native", "triton", "torch", "reference")


def test_a_new_backend_is_one_line(monkeypatch):
    calls = []

    def forward(*args, **options):
        calls.append("forward")
        return torch_backend.forward(*args, **options)

    def backward(*args, **options):
        calls.append("backward")
        return torch_backend.backward(*args, **options)

    ours = ScanBackend(forward, backward, status=lambda: (True, "of a test"), automatic=("cpu",))
    monkeypatch.setattr("videomamba.ops.backend.BACKENDS", (*BACKENDS, "ours"))
    monkeypatch.setitem(SCANS, "ours", ours)
    assert backend_status()["ours"] == (True, "of a test")
    assert resolve_backend("auto", CPU, torch.float64) == "ours"
    direction = make_direction(1, 5, 4, 3)
    out, _ = directional_scan(direction, backend="ours")
    out.sum().backward()
    assert calls == ["forward", "backward"]
    torch.testing.assert_close(out, directional_scan(direction, backend="reference")[0])


def test_one_that_does_not_run_says_why(monkeypatch):
    monkeypatch.setitem(SCANS, "native", ScanBackend(lambda: None, None, status=lambda: (False, "no compiler")))
    with pytest.raises(ValueError, match=r"backend 'native' does not run here \(no compiler\); use backend='auto'"):
        resolve_backend("native", CPU, torch.float32)
