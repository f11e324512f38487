"""What a forward pass takes, estimated before it is run."""

import pytest
import torch

from videomamba.errors import UserError
from videomamba.inference.estimate import activation_bytes, estimate
from videomamba.models import create_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model():
    return create_model("videomamba_nano", num_frames=8, img_size=32, depth=2, num_classes=3).eval()


def test_memory_grows_with_the_tokens(model):
    short, long = (estimate(model, frames, 32, device=CPU) for frames in (8, 16))
    assert (short.tokens, long.tokens) == (2 * 4 + 1, 4 * 4 + 1)
    assert short.weights_bytes == 4 * sum(p.numel() for p in model.parameters())
    assert long.weights_bytes == short.weights_bytes + 4 * 128 * 8, "8 more positions"
    assert long.input_bytes == 2 * short.input_bytes == 4 * 3 * 16 * 32 * 32
    assert long.activation_bytes > short.activation_bytes
    assert long.peak_bytes > long.weights_bytes + long.input_bytes
    assert short.measured_tokens == (9,)
    assert model.config.num_frames == 8, "the model is as it was"


def test_the_time_of_a_long_clip_is_worked_out_from_short_ones(model, monkeypatch):
    from videomamba.inference import estimate as module

    monkeypatch.setattr(module, "_fastest", lambda model, clip: 1e-3 * clip.shape[2] + 0.5)
    long = estimate(model, 40_000, 32, device=CPU)
    assert len(long.measured_tokens) == 2
    assert long.measured_tokens[1] < long.tokens / 10
    assert long.seconds == pytest.approx(40.5, rel=1e-3)


@pytest.mark.parametrize(("short", "bound"), [(0.01, 1.2), (2.0, 0.8)])
def test_a_disturbed_pass_does_not_carry_the_estimate_away(model, monkeypatch, short, bound):
    from videomamba.inference import estimate as module

    monkeypatch.setattr(module, "_fastest", lambda model, clip: short if clip.shape[2] < 2048 else 2.0)
    long = estimate(model, 40_960, 32, device=CPU)  # twenty times the frames of the longest pass
    assert long.seconds == pytest.approx(2.0 + bound * 2.0 * 19, rel=0.01)


def test_memory_depends_on_the_architecture(model):
    import dataclasses

    wide = dataclasses.replace(model.config, embed_dim=256)
    assert activation_bytes(wide) > 1.5 * activation_bytes(model.config)


def test_clips_that_cannot_be_cut_are_refused(model):
    with pytest.raises(UserError, match="num_frames=6 must be divisible"):
        estimate(model, 6, 32, device=CPU)
    with pytest.raises(UserError, match="img_size"):
        estimate(model, 8, 33, device=CPU)
