"""The Triton kernels of the forward pass, by what they hand to one another."""

import pytest
import torch

from tests.ops.comparison import exact, make_direction, relative_error
from videomamba.ops import ScanDirection, directional_scan

pytest.importorskip("triton")
from videomamba.ops.scan import triton_backend, triton_launch
from videomamba.ops.scan.triton_launch import Config

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.mark.parametrize("reverse", [False, True])
def test_spans_and_chunks_begin_from_the_states_of_a_loop(reverse, monkeypatch):
    """Eleven tokens in three chunks, each a span: the states that spans begin from, and those kept for the gradient."""
    monkeypatch.setattr(triton_launch, "CHUNK", 4)
    monkeypatch.setattr(triton_launch, "processors_of", lambda device: 100)
    monkeypatch.setattr(triton_backend, "config_of", lambda *a: Config(steps=4, channels=2, lanes=2))
    seen = {}

    def launch(kernel, programs, arguments, **meta):
        kernel[(programs,)](**arguments, **meta)
        seen[kernel.__name__] = arguments

    monkeypatch.setattr(triton_backend, "launch", launch)
    d = make_direction(1, 11, 2, 2, dtype=torch.float32).mapped(lambda x: x.detach().to(DEVICE))
    d = d._replace(reverse=reverse)
    _, _, (kept,) = triton_backend.forward([d], None, delta_softplus=True, save=True)
    starts = seen["outputs"]["first"].starts
    assert starts.shape == kept.shape == (3, 1, 2, 2)  # spans or chunks, batch, states, channels
    for chunk in range(3):
        before = _tokens(exact(d), min(11, 4 * (chunk + 1)), 11) if reverse else _tokens(exact(d), 0, 4 * chunk)
        want = directional_scan(before, delta_softplus=True, backend="reference")[1]
        assert relative_error(starts[chunk].mT, want) < 1e-6, chunk
        assert relative_error(kept[chunk].mT, want) < 1e-6, chunk


def _tokens(d: ScanDirection, begin: int, end: int) -> ScanDirection:
    return d._replace(**{name: getattr(d, name)[:, begin:end] for name in ("u", "delta", "B", "C")})
