"""Class scores over time: curves above a bar of the best class."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from videomamba.files import printable
from videomamba.viz.timeline import COLOURS, Bar

_REST = "#BBBBBB"  # of classes that have no curve


def scores_figure(
    seconds: NDArray[np.float64],
    curves: Mapping[str, NDArray[np.float64]],
    *,
    spans: Sequence[Bar],
    truth: Sequence[Bar] = (),
    length: float | None = None,
    width: float = 11,
    title: str = "",
) -> Figure:
    """One curve per class, and below it which class is the best.

    Args:
        seconds: (N,) of the points.
        curves: class -> (N,) scores from 0 to 1, at most as many as there are colours.
        spans: class, begin and end of each stretch, in seconds.
        truth: likewise, what is really shown; drawn in a row of its own above the best class.
        length: seconds of the time axis; by default until the last stretch ends.
        width: of the figure, in inches.
        title: written on top.

    Returns:
        A figure to save or show; its last axis is that of the best class.
    """
    figure = Figure(figsize=(width, 4), layout="constrained")
    rows = {"truth": truth, "best": spans} if truth else {"best": spans}
    above, *bars = figure.subplots(1 + len(rows), 1, sharex=True, height_ratios=(5, *(1 for _ in rows)))
    below = bars[-1]
    colours = dict(zip(curves, COLOURS, strict=False))
    for label, values in curves.items():
        marker = "o" if len(seconds) < 60 else ""
        (line,) = above.plot(seconds, values, color=colours[label], linewidth=1.2, marker=marker, markersize=3)
        line.set_label(label if not label.startswith("_") else f" {label}")  # matplotlib leaves out names like _x
    above.set_ylim(-0.02, 1.02)
    above.set_ylabel("probability")
    for axis, (name, stretches) in zip(bars, rows.items(), strict=True):
        _draw_bars(axis, stretches, colours)
        axis.set_yticks([])
        axis.set_ylim(0, 1)
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
    end = max((e for _, _, e in (*spans, *truth)), default=1.0) if length is None else length
    below.set_xlim(0, end or 1.0)
    below.set_xlabel("time" if end >= 120 else "seconds")
    if end >= 120:
        below.xaxis.set_major_formatter(FuncFormatter(clock))
        below.xaxis.set_major_locator(MaxNLocator(nbins=max(3, int(0.8 * width)), steps=[1, 1.2, 1.5, 2, 3, 6, 10]))
    for axis in (above, *bars):
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    legend = figure.legend(
        loc="outside lower center", ncols=min(max(2, int(0.6 * width)), max(1, len(curves))), frameon=False, fontsize=9
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure


def _draw_bars(axis: Axes, stretches: Sequence[Bar], colours: Mapping[str, str]) -> None:
    """Each class in its curve's colour, all others in grey."""
    for colour in (*colours.values(), _REST):
        bars = [(s, e - s) for name, s, e in stretches if colours.get(printable(name), _REST) == colour]
        if bars:
            axis.broken_barh(bars, (0, 1), facecolor=colour, linewidth=0)


def clock(seconds: float, _: object = None) -> str:
    """``1:02:03`` of 3723 seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
