"""Class scores over time as a figure."""

import numpy as np
import pytest

from videomamba.viz.scores import clock, scores_figure


def figure_of(names, *, end=10.0, count=50):
    seconds = np.linspace(0, end, count)
    curves = {name: np.full(count, i / len(names)) for i, name in enumerate(names)}
    spans = [(names[0], 0.0, end / 2), ("another", end / 2, end)]
    return scores_figure(seconds, curves, spans=spans, title="a $ film")


def test_one_curve_per_class_and_a_bar_of_the_best():
    figure = figure_of(["wave", "$run_1$", "_odd"])
    above, below = figure.axes
    assert [len(line.get_xdata()) for line in above.lines] == [50, 50, 50]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["wave", "$run_1$", " _odd"]
    bars = list(below.collections)
    assert len(bars) == 2
    assert bars[0].get_facecolor().tolist() != bars[1].get_facecolor().tolist()
    assert below.get_xlabel() == "seconds"
    figure.canvas.draw()


def test_long_videos_have_a_clock():
    assert figure_of(["a"], end=7200.0).axes[1].get_xlabel() == "time"
    assert [clock(seconds) for seconds in (0, 61, 3723.4)] == ["0:00", "1:01", "1:02:03"]


@pytest.mark.parametrize("count", [1, 5000])
def test_one_score_and_many(count):
    figure_of(["a", "b"], count=count).canvas.draw()


def test_the_truth_has_a_row_above_the_best_and_the_same_colours():
    seconds = np.linspace(0, 10, 50)
    figure = scores_figure(
        seconds,
        {"a": seconds / 10, "b": 1 - seconds / 10},
        spans=[("b", 0, 5), ("a", 5, 10)],
        truth=[("a", 0, 4), ("other", 4, 10)],
        length=20,
        width=5,
    )
    curves, truth, best = figure.axes
    assert [axis.get_ylabel() for axis in (truth, best)] == ["truth", "best"]
    colours = {line.get_label(): line.get_color() for line in curves.lines}
    from matplotlib.colors import to_hex

    assert to_hex(truth.collections[0].get_facecolor()[0]).upper() == colours["a"].upper()
    assert best.get_xlim() == (0, 20)
    figure.canvas.draw()
