"""Samples of keyframes: their frames, boxes and labels."""

import pytest
import torch

from tests.ava_videos import ACTIONS, EVEN, KEYFRAMES, SIDE, SIZE, corner
from videomamba.data.box_transforms import whole_picture_transform
from videomamba.data.datasets.ava import read_ava
from videomamba.data.datasets.keyframe_clips import KeyframeDataset, training_boxes


def test_training_boxes_take_the_labels_of_what_they_overlap(ava, tmp_path):
    (record,) = [r for r in read_ava(ava, **EVEN)["train"].records if (r.video, r.timestamp) == ("clip1", 1)]
    x1, y1, x2, y2 = record.truth[0][0]
    near, far = (x1, y1, x2, y2 - 0.05), (0.9, 0.9, 1.0, 1.0)
    record = type(record)(record.video, record.timestamp, record.path, record.truth, ((near, 0.9), (far, 0.9)))
    boxes, actions = training_boxes(record, "detected", 3, unlabeled="negative")
    assert boxes.tolist() == [pytest.approx(near), pytest.approx(far)]
    assert actions.tolist() == [[0, 1, 0], [0, 0, 0]]
    assert len(training_boxes(record, "detected", 3, unlabeled="ignore")[0]) == 1
    assert len(training_boxes(record, "both", 3, unlabeled="negative")[0]) == 3
    assert len(training_boxes(record, "truth", 3, unlabeled="negative")[0]) == 1


def test_samples_show_the_square_in_its_box(ava):
    part = read_ava(ava, **EVEN)["train"]
    dataset = KeyframeDataset(
        part, num_frames=3, stride=1, transform=whole_picture_transform(48, (0, 0, 0), (1, 1, 1)), train=False
    )
    for index in (0, 5, 11):
        sample, record = dataset[index], part.records[index]
        assert sample["video"].shape == (3, 3, 48, 64)
        x1, y1, x2, y2 = sample["boxes"][0].round().int().tolist()
        colour = sample["video"][:, 1, y1 + 3 : y2 - 3, x1 + 3 : x2 - 3].mean((1, 2)) * 255
        name = list(ACTIONS)[record.truth[0][1][0]]
        assert (colour - torch.tensor(ACTIONS[name])).abs().max() < 25
        frame = round((record.timestamp - 0.5) / KEYFRAMES * 16)
        left, top = corner(int(record.video[-1]), frame)
        assert sample["whole_boxes"][0].tolist() == pytest.approx(
            [left / SIZE[1], top / SIZE[0], (left + SIDE) / SIZE[1], (top + SIDE) / SIZE[0]], abs=1e-5
        )
        assert sample["actions"][0].argmax() == sample["true_labels"][0]
