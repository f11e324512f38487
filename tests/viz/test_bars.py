"""Parts end to end, marks where the figures are."""

from videomamba.viz.bars import cost_figure


def test_parts_follow_each_other_and_marks_stand_at_their_figures():
    figure = cost_figure(
        {"a": {"open": 1.0, "read": 2.0}, "b": {"open": 3.0, "read": 4.0}},
        {"a": {"alone": 2.5}, "b": {"alone": 6.0, "all": 7.5}},
        xlabel="ms",
    )
    (axis,) = figure.axes
    opened, read = axis.containers
    assert [bar.get_width() for bar in opened] == [1, 3]
    assert [(bar.get_x(), bar.get_width()) for bar in read] == [(1, 2), (3, 4)]
    alone, everything = axis.lines
    assert list(alone.get_xdata()) == [2.5, 6.0]
    assert list(everything.get_xdata()) == [7.5]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["alone", "all", "open", "read"]
