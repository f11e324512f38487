"""Which classes are taken for which, as a figure."""

import numpy as np
import pytest

from videomamba.viz.confusion import confusion_figure


def test_rows_are_true_and_numbers_are_written():
    figure = confusion_figure(np.array([[3, 1], [0, 0]]), ["a$b$", "c"])
    (axis,) = figure.axes
    assert axis.get_ylabel() == "true"
    assert {(t.get_position(), t.get_text()) for t in axis.texts} == {((0, 0), "3"), ((1, 0), "1")}
    (image,) = axis.get_images()
    assert np.asarray(image.get_array()).tolist() == [[0.75, 0.25], [0, 0]]
    figure.canvas.draw()
    assert [t.get_text() for t in axis.get_xticklabels()] == ["a$b$", "c"]


@pytest.mark.parametrize("count", [1, 31, 400])
def test_few_and_many_classes(count):
    figure = confusion_figure(np.eye(count, dtype=int), [f"class {i}" for i in range(count)])
    figure.canvas.draw()
    assert len(figure.axes[0].get_xticklabels()) <= 60
    assert max(figure.get_size_inches()) <= 14
