"""Stepping a causal model gives the offline logits of every prefix, however the video is cut."""

import time

import pytest
import torch

from videomamba.models import create_model
from videomamba.models.causal import CausalStream

CAUSAL = {"backward_order": "spatial", "cls_position": "last", "pos_embed": "none"}
TINY = {"num_frames": 24, "img_size": (32, 48), "embed_dim": 32, "depth": 3, "num_classes": 5, "tubelet_size": 2}


def make(dtype=torch.float32, **changes):
    torch.manual_seed(0)
    model = create_model("videomamba_tiny", **{**TINY, **CAUSAL, **changes}).eval().to(dtype)
    with torch.no_grad():
        for block in model.blocks:  # states that matter: at its start the residual stream hardly sees the mixers
            block.mixer.out_proj.weight.mul_(20)
        model.head.weight.mul_(20)
    return model


def video(frames=24, batch=2, dtype=torch.float32):
    return torch.randn(batch, 3, frames, 32, 48, generator=torch.Generator().manual_seed(1)).to(dtype)


@torch.inference_mode()
def offline(model, frames):
    """The logits of every prefix, in tubelets, by the whole model set to that length."""
    found = []
    for length in range(2, frames.shape[2] + 1, 2):
        model.set_input_size(num_frames=length)
        found.append(model(frames[:, :, :length]))
    return found


@pytest.mark.parametrize("positions", ["none", "sinusoidal"])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-5), (torch.float64, 1e-11)])
def test_every_prefix_in_any_chunking(positions, dtype, close):
    model, frames = make(dtype, pos_embed=positions), video(dtype=dtype)
    expected = offline(model, frames)
    assert (expected[0] - expected[-1]).abs().max() > 0.05  # the prefixes differ
    for chunks in ([2] * 12, [4] * 6, [2, 8, 4, 10], [24], [6, 2, 16]):
        stream, at = CausalStream(model), 0
        for size in chunks:
            stream.push(frames[:, :, at : at + size])
            at += size
            torch.testing.assert_close(stream.logits(), expected[at // 2 - 1], atol=close, rtol=0)


def test_reading_the_logits_changes_nothing_and_reset_forgets():
    model, frames = make(), video()
    stream = CausalStream(model)
    stream.push(frames[:, :, :4])
    assert torch.equal(stream.logits(), stream.logits())
    stream.push(frames[:, :, 4:])
    whole = stream.logits()
    stream.reset()
    stream.push(frames[:, :, :4])
    stream.push(frames[:, :, 4:])
    assert torch.equal(stream.logits(), whole)


def test_goes_on_from_saved_states():
    model, frames = make(pos_embed="sinusoidal"), video()
    one, other = CausalStream(model), CausalStream(model)
    one.push(frames[:, :, :6])
    other.load_state_dict(one.state_dict())
    for stream in (one, other):
        stream.push(frames[:, :, 6:])
    assert torch.equal(one.logits(), other.logits())


def test_a_wrapped_convolution_is_called_with_its_past():
    """A hook, as LoRA and quantisation have them, makes the mixer call the module instead of the kernel."""
    model, frames = make(), video(frames=8)
    expected = offline(model, frames)
    called = []
    model.blocks[0].mixer.backward_ssm.conv1d.register_forward_hook(lambda *_: called.append(1))
    stream = CausalStream(model)
    for i, logits in enumerate(expected):
        stream.push(frames[:, :, 2 * i : 2 * i + 2])
        torch.testing.assert_close(stream.logits(), logits, atol=1e-5, rtol=0)
    assert called


@pytest.mark.parametrize("change", [{"backward_order": "spatio_temporal"}, {"backward_order": "temporal"},
                                    {"cls_position": "first"}, {"cls_position": "middle"},
                                    {"pos_embed": "temporal_expansion"}])  # fmt: skip
def test_other_models_are_refused(change):
    model = make(**change)
    assert not model.config.is_causal
    with pytest.raises(
        ValueError, match="this model needs the whole clip; one that is trained with backward_order=spa"
    ):
        CausalStream(model)


@pytest.mark.parametrize(
    ("change", "sees_later"),
    [({}, False), ({"backward_order": "spatio_temporal"}, True), ({"cls_position": "first"}, True)],
)
def test_only_the_causal_model_keeps_later_frames_from_earlier_ones(change, sees_later):
    """By gradients of the first frame's features; all frames read a class token in front, which has seen all."""
    model = make(torch.float64, **change)
    frames = video(dtype=torch.float64).requires_grad_()
    model.feature_map(frames)[:, :, 0].sum().backward()
    later = frames.grad[:, :, 2:].abs().max().item()
    assert later > 1e-12 if sees_later else later == 0
    assert frames.grad[:, :, :2].abs().max() > 0


@pytest.mark.parametrize(
    ("frames", "message"),
    [(torch.zeros(1, 3, 3, 32, 48), "expected \\(B, 3, T, H, W\\), T % 2 == 0"),
     (torch.zeros(1, 3, 0, 32, 48), "T % 2 == 0"),
     (torch.zeros(1, 3, 2, 32, 32), "float frames of 32 x 48 pixels"),
     (torch.zeros(1, 3, 2, 32, 48, dtype=torch.uint8), "dtype torch.uint8")],
)  # fmt: skip
def test_frames_that_do_not_fit(frames, message):
    stream = CausalStream(make())
    with pytest.raises(ValueError, match=message):
        stream.push(frames)
    with pytest.raises(ValueError, match="no frame was pushed yet"):
        stream.logits()


def test_frame_10_000_takes_as_long_as_frame_10():
    """Timed in turn, at best: a busy machine slows both."""
    model, pair = make(depth=2, num_frames=2), video(frames=2, batch=1)
    streams, spent = (CausalStream(model), CausalStream(model)), ([], [])
    for size, stream in zip((10, 500), streams, strict=True):
        for _ in range(1 if size == 10 else 20):
            stream.push(pair.repeat(1, 1, size // 2, 1, 1))
    for _ in range(40):
        for stream, seconds in zip(streams, spent, strict=True):
            began = time.perf_counter()
            stream.push(pair)
            stream.logits()
            seconds.append(time.perf_counter() - began)
    assert min(spent[1]) < 1.3 * min(spent[0])
    kept = [{name: x.shape for name, x in stream.state_dict().items()} for stream in streams]
    assert kept[0] == kept[1]
