"""Slopes of powers are their exponents."""

import pytest

from videomamba.viz.scaling import scaling_figure, slope


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_slope_of_a_power(power):
    assert slope([(x, 3 * x**power) for x in (2, 8, 50, 400)]) == pytest.approx(power)


def test_one_place_has_no_slope():
    assert slope([(4, 1), (4, 2)]) is None


def test_every_line_says_its_slope():
    figure = scaling_figure(
        {"a": {"ours": [(1, 1), (2, 2)], "theirs": [(2, 4), (1, 1)]}, "b": {"ours": [(3, 1)]}},
        xlabels=("tokens", "frames"),
        ylabel="ms",
    )
    left, right = figure.axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["ours, slope 1.00", "theirs, slope 2.00"]
    assert list(left.lines[1].get_xdata()) == [1, 2]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["ours"]
