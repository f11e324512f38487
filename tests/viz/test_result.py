"""Results as pictures: every class a bar, every keyframe a frame with its boxes."""

from types import SimpleNamespace

import numpy as np

from videomamba.viz.result import boxes_figure, classes_figure

SCORES = [SimpleNamespace(label="wave $1$", probability=0.75), SimpleNamespace(label="sit", probability=0.25)]


def test_bars_are_percentages_with_the_best_on_top():
    figure = classes_figure(None, SCORES, title="cost: $5 to $6")
    (axis,) = figure.axes
    assert [bar.get_width() for bar in axis.patches] == [75, 25]
    assert [text.get_text() for text in axis.texts] == ["75.0 %", "25.0 %"]
    assert axis.yaxis_inverted()
    labels = axis.get_yticklabels()
    assert [label.get_text() for label in labels] == ["wave $1$", "sit"]
    assert not any(label.get_parse_math() for label in labels)


def test_at_most_eight_frames_from_the_first_to_the_last():
    frames = np.arange(15, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 4, 6), np.uint8)
    pictures = [axis.images[0].get_array() for axis in classes_figure(frames, SCORES).axes if axis.images]
    assert [int(picture[0, 0, 0]) for picture in pictures] == [0, 2, 4, 6, 8, 10, 12, 14]
    assert pictures[0].shape == (4, 6, 3)


def test_each_keyframe_says_when_and_has_its_boxes():
    box = SimpleNamespace(box=(0.25, 0.25, 0.75, 0.75), actions=SCORES)
    moments = [SimpleNamespace(seconds=1.25, boxes=(box,)), SimpleNamespace(seconds=2.0, boxes=())]
    figure = boxes_figure(np.full((2, 3, 60, 80), 100, np.uint8), moments)
    assert [axis.get_title() for axis in figure.axes] == ["1.2 s", "2.0 s"]
    drawn, plain = (np.asarray(axis.images[0].get_array()) for axis in figure.axes)
    assert (plain == 100).all()
    assert (drawn != 100).any()
