"""The timeline: every segment a bar in its place and colour."""

import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb

from videomamba.viz.timeline import timeline_figure

ROWS = {
    "truth": [("take", 0, 30), ("background", 30, 40), ("pour", 40, 100)],
    "prediction": [("take", 0, 50), ("pour", 50, 100)],
}


def bars(figure):
    """(row, start, end, colour) of everything drawn."""
    found = []
    for collection in figure.axes[0].collections:
        assert isinstance(collection, PolyCollection)
        box = collection.get_paths()[0].get_extents()
        row = round(-(box.y0 + box.y1) / 2)
        found.append((row, box.x0, box.x1, tuple(collection.get_facecolor()[0][:3])))
    return found


def test_bars_are_where_the_segments_are():
    seconds = {name: [(label, a / 10, b / 10) for label, a, b in row] for name, row in ROWS.items()}
    figure = timeline_figure(seconds, unit="seconds")
    drawn = bars(figure)
    assert [(row, start, end) for row, start, end, _ in drawn] == [
        (0, 0, 3), (0, 3, 4), (0, 4, 10), (1, 0, 5), (1, 5, 10),
    ]  # fmt: skip
    take, rest, pour, *predicted = (colour for *_, colour in drawn)
    assert predicted == [take, pour]  # one colour a label, in all rows
    assert len({take, rest, pour}) == 3
    assert rest == to_rgb("#E4E4E4")
    assert figure.axes[0].get_xlabel() == "seconds"
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["truth", "prediction"]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["take", "pour", "background"]


def test_many_labels_stay_apart():
    rows = {"prediction": [(f"action {i}", i, i + 1) for i in range(48)]}
    figure = timeline_figure(rows)
    looks = {(tuple(c.get_facecolor()[0]), c.get_hatch()) for c in figure.axes[0].collections}
    assert len(looks) == 48
    assert figure.axes[0].get_xlabel() == "frames"


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="no segment"):
        timeline_figure({"prediction": []})


def test_dollars_are_dollars(tmp_path):
    """A name such as a$\\frac$b is no formula."""
    figure = timeline_figure({"truth": [("$\\frac$", 0, 3)]}, title="a$\\frac$b")
    figure.savefig(tmp_path / "a.png")
    assert figure.legends[0].get_texts()[0].get_text() == "$\\frac$"
