"""Learning curves as a figure."""

import pytest

from videomamba.viz.learning import learning_figure

ROW = {"step": 1.0, "lr": 0.1, "data_wait": 0.1, "train_loss": 2.0, "train_top1": 0.3, "test_loss": 1.0, "top1": 0.5}


@pytest.mark.parametrize("width", [9, 5])
def test_losses_beside_figures_of_held_out_videos(width):
    rows = [{"epoch": float(epoch), **ROW} for epoch in (1, 2, 3)]
    figure = learning_figure({"a$": rows, "b": [{"epoch": 1.0, "top1": 0.9}]}, width=width)
    losses, figures = figure.axes
    assert [line.get_label() for line in losses.lines] == ["train_loss, a$", "test_loss, a$"]
    assert [line.get_label() for line in figures.lines] == ["top1, a$", "top1, b"]
    assert figures.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert figures.lines[0].get_color() == figures.lines[1].get_color()
    assert figures.lines[0].get_linestyle() != figures.lines[1].get_linestyle()
    figure.canvas.draw()


def test_a_run_without_rows():
    learning_figure({"a": []}).canvas.draw()
