"""Boxes of an evaluation, gathered over batches."""

import pytest
import torch

from videomamba.tasks.metrics.boxes import BoxRows

NAMES = ("sit", "stand", "swim")


def batch_of(index, *, labels=(0,), evaluated=(True, True, False)):
    """One keyframe with a box at the left and padding; the truth is the box itself, once for each label."""
    box = [0.0, 0.0, 0.5, 1.0]
    return {
        "whole_boxes": torch.tensor([[box, [0.5, 0.0, 1.0, 1.0]]]),
        "valid": torch.tensor([[True, False]]),
        "true_boxes": torch.tensor([[box] * len(labels)]),
        "true_labels": torch.tensor([labels]),
        "evaluated": torch.tensor([evaluated]),
        "index": torch.tensor([index]),
    }


def scores(*of_the_box):
    return torch.tensor([[of_the_box, (9.0, 9.0, 9.0)]])


def test_padding_and_classes_that_do_not_count_are_no_detections():
    rows = BoxRows(NAMES)
    rows.update(scores(0.75, 0.5, 1.0), batch_of(7))
    report = rows.report()
    assert [(index, label, score) for index, _, label, score in report["detections"]] == [(7, 0, 0.75), (7, 1, 0.5)]
    assert report["AP"] == {"sit": 1.0, "stand": None}
    assert (report["mAP"], report["count"]) == (1.0, 1)


def test_two_keyframes_by_hand():
    """sit is found at score 0.9 where it is not, then at 0.6 where it is: precision is a half where recall is 1."""
    rows = BoxRows(NAMES)
    rows.update(scores(0.9, 0.1, 0.0), batch_of(0, labels=(1, -1)))
    rows.update(scores(0.6, 0.2, 0.0), batch_of(1, labels=(0,)))
    report = rows.report()
    assert report["AP"]["sit"] == pytest.approx(0.5)
    assert report["AP"]["stand"] == pytest.approx(0.5)
    assert report["mAP"] == pytest.approx(0.5)


def test_a_keyframe_that_comes_again_counts_once():
    rows = BoxRows(NAMES)
    for _ in range(2):
        rows.update(scores(0.9, 0.1, 0.0), batch_of(3))
    assert rows.report()["count"] == 1
    assert len(rows.report()["detections"]) == 2


def test_nothing_to_find_is_no_mean():
    rows = BoxRows(NAMES)
    rows.update(scores(0.9, 0.1, 0.0), batch_of(3, labels=(-1,)))
    assert rows.report()["mAP"] == 0.0
