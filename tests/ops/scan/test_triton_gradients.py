"""The Triton gradients' shares: what programs write is summed to the same, however they are divided."""

import pytest
import torch

from tests.ops.comparison import make_direction

pytest.importorskip("triton")
from videomamba.ops.scan import triton_backend, triton_launch
from videomamba.ops.scan.triton_launch import Config, recorded

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="of the interpreter")


def gradients(processors: int, monkeypatch):
    """Of one direction in three chunks and three blocks of channels; and the launch that gave them."""
    monkeypatch.setattr(triton_launch, "CHUNK", 2)
    monkeypatch.setattr(triton_launch, "processors_of", lambda device: processors)
    monkeypatch.setattr(triton_backend, "config_of", lambda *a: Config(steps=2, channels=1, lanes=1))
    direction = make_direction(1, 5, 3, 1, dtype=torch.float32).mapped(torch.Tensor.detach)
    out, _, saved = triton_backend.forward([direction], None, delta_softplus=True, save=True)
    options = {"delta_softplus": True}
    found, _ = triton_backend.backward([direction], None, saved, torch.ones_like(out), [None], **options)
    with recorded() as launches:
        triton_backend.backward([direction], None, saved, torch.ones_like(out), [None], **options)
    return found[0], launches[-1]


def test_shares_are_as_many_as_programs_need(monkeypatch):
    one, in_turn = gradients(0, monkeypatch)
    many, apart = gradients(100, monkeypatch)
    assert (in_turn.arguments["repeat"], in_turn.programs) == (3, 1)
    assert (apart.arguments["repeat"], apart.programs) == (1, 9)
    assert in_turn.arguments["grad_B"].shape[0] == 1
    assert apart.arguments["grad_B"].shape[0] == 3
    for a, b in zip(one, many, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_gradient_is_the_same_to_the_bit_each_time(monkeypatch):
    """No sum is made in an order that chance decides."""
    first, _ = gradients(100, monkeypatch)
    again, _ = gradients(100, monkeypatch)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
