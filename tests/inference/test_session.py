"""A session gives the scores that the model gives for each window, however the frames come."""

import io

import pytest
import torch

from tests.colours import colour_frames
from videomamba.data import eval_transform
from videomamba.inference.session import Session
from videomamba.models import create_model, load_model
from videomamba.models.custom import CustomModel
from videomamba.notes import UserNote
from videomamba.preprocessing import Preprocessing

CAUSAL = {"backward_order": "spatial", "cls_position": "last", "pos_embed": "none"}


@pytest.fixture(scope="module")
def frames():
    """(20, 3, 32, 32) uint8."""
    return torch.from_numpy(colour_frames(["red", "blue", "green", "red"], each=5)).permute(0, 3, 1, 2)


@torch.inference_mode()
def by_window(model, frames, starts, step=1):
    prepare, length = eval_transform(model.preprocessing), model.preprocessing.num_frames
    clips = [prepare(frames[start : start + step * length : step]) for start in starts]
    return torch.stack([model.eval()(clip[None])[0].softmax(-1) for clip in clips])


@pytest.mark.parametrize("chunks", [[20], [1] * 20, [3, 7, 0, 9, 1]])
def test_windows_of_any_chunking(colours, frames, chunks):
    model = load_model(colours)
    session = Session(model, hop=2)
    assert (session.window, session.every, session.causal) == (4, 2, False)
    found = torch.cat([session.step(part) for part in frames.split(chunks)])
    torch.testing.assert_close(found, by_window(model, frames, range(0, 17, 2)), atol=1e-5, rtol=0)


def test_every_third_frame(colours, frames):
    model = load_model(colours)
    session = Session(model, hop=4, step=3)
    assert (session.window, session.every) == (10, 12)
    found = torch.cat([session.step(part) for part in frames.split([2, 8, 10])])
    torch.testing.assert_close(found, by_window(model, frames, [0], step=3), atol=1e-5, rtol=0)


def test_each_tubelet_is_embedded_once(colours, frames):
    model = load_model(colours)
    seen = []
    model.patch_embed.register_forward_hook(lambda module, inputs, out: seen.append(inputs[0].shape[2]))
    session = Session(model, hop=2)
    session.step(frames)
    assert sum(seen) == 20


def test_a_model_that_is_only_called(frames):
    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten(), torch.nn.Linear(3, 4))
    prepared = Preprocessing(num_frames=3, stride=1, size=(16, 16))
    model = CustomModel(net, class_names=list("abcd"), preprocessing=prepared)
    found = Session(model, hop=5).step(frames)
    torch.testing.assert_close(found, by_window(model, frames, [0, 5, 10, 15]), atol=1e-5, rtol=0)


def test_a_causal_model_carries_its_states(frames):
    torch.manual_seed(0)
    prepared = Preprocessing(num_frames=4, stride=1, size=(32, 32))
    model = create_model("videomamba_nano", num_frames=4, img_size=32, embed_dim=32, depth=2, tubelet_size=2,
                         num_classes=3, preprocessing=prepared, **CAUSAL)  # fmt: skip
    session = Session(model)
    assert (session.causal, session.window, session.every) == (True, None, 2)
    found = torch.cat([session.step(part) for part in frames.split([5, 1, 14])])
    prepare = eval_transform(prepared)
    for row, length in zip(found, range(2, 21, 2), strict=True):
        model.set_input_size(num_frames=length)
        with torch.inference_mode():
            torch.testing.assert_close(row, model(prepare(frames[:length])[None])[0].softmax(-1), atol=1e-5, rtol=0)
    model.set_input_size(num_frames=4)
    assert Session(model, causal=False, hop=2).step(frames).shape == (9, 3)


def test_pushing_skips_scores_and_reset_forgets(colours, frames):
    session = Session(load_model(colours), hop=2)
    session.push(frames[:3])
    assert (session.due, session.missing) == (0, 1)
    with pytest.raises(ValueError, match="2 frames so far; a score needs 4"):
        session.scores()
    session.push(frames[3:11])
    assert session.due == 4
    latest = session.scores()
    assert session.due == 0
    session.reset()
    assert torch.equal(session.step(frames[6:10])[0], latest)


@pytest.mark.parametrize("causal", [False, True])
def test_goes_on_from_what_was_kept(frames, causal):
    torch.manual_seed(0)
    model = create_model("videomamba_nano", num_frames=8, img_size=32, embed_dim=32, depth=2, num_classes=3, **CAUSAL)
    first, second = (Session(model, step=1, causal=causal) for _ in range(2))
    first.step(frames[:11])
    kept = io.BytesIO()
    torch.save(first.state_dict(), kept)
    second.load_state_dict(torch.load(io.BytesIO(kept.getvalue())))
    assert torch.equal(first.step(frames[11:]), second.step(frames[11:]))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"hop": 3}, "hop=3; it must be a multiple of the model's tubelet, 2 frames"),
     ({"hop": 0}, "hop=0; it must be a whole number, at least 1"),
     ({"step": 0}, "step=0; it must be a whole number"),
     ({"causal": True}, "this model needs the whole clip"),
     ({"device": "tpu"}, "unknown device 'tpu'")],
)  # fmt: skip
def test_options_that_cannot_be(colours, options, message):
    with pytest.raises(ValueError, match=message):
        Session(load_model(colours), **options)


@pytest.mark.parametrize("frames", [torch.zeros(3, 32, 32, dtype=torch.uint8), torch.zeros(1, 3, 32, 32),
                                    torch.zeros(1, 32, 32, 3, dtype=torch.uint8)])  # fmt: skip
def test_other_tensors_are_refused(colours, frames):
    with pytest.raises(ValueError, match=r"a session takes \(N, 3, H, W\) uint8"):
        Session(load_model(colours)).step(frames)


def test_a_model_of_whole_videos_says_what_it_assumes():
    model = create_model("videomamba_nano", num_classes=3)
    with pytest.warns(UserNote, match="trained on frames spread evenly over whole videos; here it sees every frame"):
        Session(model)
