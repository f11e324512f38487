"""The picture of shuffles: means of the runs, and each class's change in points."""

import pytest

from videomamba.viz.shuffles import shuffle_figure

LABELS = {"none": "in order", "all": "shuffled"}


def test_bars_are_means_and_the_map_has_the_changes():
    classes = {"wave": {"none": 80.0, "all": 30.0}, "sit": {"none": 50.0, "all": 60.0}, "gone": dict.fromkeys(LABELS)}
    figure = shuffle_figure(LABELS, {"none": [80, 90], "all": [40, 50]}, classes, title="two runs")
    bars, image = figure.axes[:2]
    assert [bar.get_height() for bar in bars.patches] == [85, 45]
    assert [list(line.get_ydata()) for line in bars.lines] == [[80, 90], [40, 50]]
    assert [label.get_text() for label in image.get_yticklabels()] == ["wave", "gone", "sit"], "most lost first"
    assert [label.get_text() for label in image.get_xticklabels()] == ["shuffled"]
    assert [text.get_text() for text in image.texts] == ["-50", "+10"], "a class without videos has no number"
    assert image.images[0].get_clim() == (-50, 50)


def test_classes_without_any_video_still_make_a_picture():
    figure = shuffle_figure(LABELS, {"none": [1], "all": [1]}, {"gone": dict.fromkeys(LABELS)})
    assert figure.axes[1].images[0].get_clim() == pytest.approx((-1, 1))
