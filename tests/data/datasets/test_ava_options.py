"""The options of the layout ava, as they come from a command line: words."""

from pathlib import Path

import pytest

from videomamba.data.datasets.ava_options import AvaOptions


def test_words_become_what_they_mean():
    options = AvaOptions(fps="25", score_threshold="0.6", box_jitter="0.1", train_detections="a.csv", bad_rows="b.csv")
    assert (options.fps, options.score_threshold, options.box_jitter) == (25.0, 0.6, 0.1)
    assert (options.train_detections, options.bad_rows) == (Path("a.csv"), Path("b.csv"))
    assert options.folder_fps == 25


@pytest.mark.parametrize(("detections", "boxes"), [(None, "truth"), ("a.csv", "both")])
def test_boxes_to_train_on_follow_from_the_detections(detections, boxes):
    assert AvaOptions(train_detections=detections).train_boxes == boxes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keyframes": "even"}, "keyframes='even'"),
        ({"fps": "fast"}, "fps='fast' is not a number"),
        ({"fps": 0}, "fps=0.0 must be from"),
        ({"box_jitter": 0.5}, "box_jitter=0.5"),
        ({"train_boxes": "detected"}, "train_boxes=detected needs train_detections"),
        ({"train_boxes": "all", "train_detections": "a.csv"}, "train_boxes='all'; choose one of truth, detected, both"),
        ({"unlabeled": "maybe"}, "unlabeled='maybe'; choose one of negative, ignore"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AvaOptions(**options)
