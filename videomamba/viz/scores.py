"""Class scores over time: curves above a bar of the best class."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from videomamba.files import printable
from videomamba.viz.timeline import COLOURS, Bar

_REST = "#BBBBBB"  # of classes that have no curve


def scores_figure(
    seconds: NDArray[np.float64], curves: Mapping[str, NDArray[np.float64]], *, spans: Sequence[Bar], title: str = ""
) -> Figure:
    """One curve per class, and below it which class is the best.

    Args:
        seconds: (N,) of the points.
        curves: class -> (N,) scores from 0 to 1, at most as many as there are colours.
        spans: class, begin and end of each stretch, in seconds.
        title: written on top.
    """
    figure = Figure(figsize=(11, 4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
    colours = dict(zip(curves, COLOURS, strict=False))
    for label, values in curves.items():
        marker = "o" if len(seconds) < 60 else ""
        (line,) = above.plot(seconds, values, color=colours[label], linewidth=1.2, marker=marker, markersize=3)
        line.set_label(label if not label.startswith("_") else f" {label}")  # matplotlib leaves out names like _x
    above.set_ylim(-0.02, 1.02)
    above.set_ylabel("probability")
    for label, colour in {**colours, "": _REST}.items():
        bars = [(s, e - s) for name, s, e in spans if colours.get(printable(name), _REST) == colour]
        if bars and (label or any(printable(name) not in colours for name, _, _ in spans)):
            below.broken_barh(bars, (0, 1), facecolor=colour, linewidth=0)
    below.set_yticks([])
    below.set_ylabel("best", rotation=0, ha="right", va="center")
    end = max((e for _, _, e in spans), default=1.0)
    below.set_xlim(0, end or 1.0)
    below.set_ylim(0, 1)
    below.set_xlabel("time" if end >= 120 else "seconds")
    if end >= 120:
        below.xaxis.set_major_formatter(FuncFormatter(clock))
        below.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 1.2, 1.5, 2, 3, 6, 10]))
    for axis in (above, below):
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    legend = figure.legend(loc="outside lower center", ncols=min(6, max(1, len(curves))), frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure


def clock(seconds: float, _: object = None) -> str:
    """``1:02:03`` of 3723 seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
