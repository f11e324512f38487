"""Actions at boxes, keyframe by keyframe, and a film in which each frame has those of the nearest one."""

import numpy as np
import pytest
import torch

from videomamba.data.reader import VideoReader
from videomamba.data.synthetic import write_video
from videomamba.inference.boxes import FrameBoxes
from videomamba.inference.detect import detect_actions, write_film
from videomamba.inference.result import ActionBox, ClassScore, Keyframe
from videomamba.models import create_model

BOX = (0.25, 0.25, 0.75, 0.75)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Four seconds of grey, 10 frames a second."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_video(path, np.full((40, 64, 64, 3), 128, np.uint8), fps=10)
    return path


def test_each_box_has_all_classes_the_most_likely_first(film):
    torch.manual_seed(0)
    names = ("sit", "stand", "swim")
    model = create_model(
        "videomamba_nano_detector", depth=1, embed_dim=16, num_frames=4, img_size=32, class_names=names
    )
    with torch.no_grad():  # the same answer at every box: logits -1, 0 and 2
        model.head.weight.zero_()
        model.head.bias.copy_(torch.tensor([-1.0, 0.0, 2.0]))
    looks = [FrameBoxes(1, 10, ((BOX, 0.9), (BOX, 0.8))), FrameBoxes(3, 30, ((BOX, 0.7),))]
    with VideoReader(film) as reader:
        first, second = detect_actions(model, reader, looks, device=torch.device("cpu"))
    assert (first.timestamp, first.frame, first.seconds) == (1, 10, 1.0)
    assert [(box.box, box.box_score) for box in first.boxes] == [(BOX, 0.9), (BOX, 0.8)]
    assert len(second.boxes) == 1
    actions = second.boxes[0].actions
    assert [(action.label, action.index) for action in actions] == [("swim", 2), ("stand", 1), ("sit", 0)]
    logits = torch.tensor([2.0, 0.0, -1.0])
    assert [action.probability for action in actions] == pytest.approx((1 / (1 + (-logits).exp())).tolist())


def test_frames_near_a_keyframe_have_its_boxes_and_others_none(film, tmp_path):
    """Keyframes at 0.5 and 1.5 s reach half their distance: to 2 s, and a frame's length of rounding."""
    box = ActionBox(BOX, 0.9, (ClassScore("swim", 0, 0.9),))
    keyframes = [Keyframe(i, 5 + 10 * i, 0.5 + i, (box,)) for i in range(2)]
    with VideoReader(film) as reader:
        assert list(write_film(tmp_path / "drawn.mp4", reader, keyframes, threshold=0.5)) == list(range(1, 41))
    with VideoReader(tmp_path / "drawn.mp4") as drawn:
        frames = drawn.read(list(range(40))).frames.float()
    changed = (frames - 128).abs().amax((1, 2, 3)) > 40
    assert changed[:20].all()
    assert not changed[22:].any()
