"""Which classes a model takes for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

_WRITTEN = 30  # classes whose numbers are written in
_NAMED = 60  # classes whose names stand at the axes


def confusion_figure(
    counts: NDArray[np.int64], names: Sequence[str], *, title: str = "", width: float | None = None
) -> Figure:
    """One row per true class, one column per class that the model said.

    A cell's shade is its share of the row. Shades vary in lightness alone, and up to 30 classes have their numbers
    written in, for greyscale prints and colour-blind readers.

    Args:
        counts: (C, C), videos by true class and by what was said.
        names: (C,) of the classes.
        title: written on top.
        width: of the figure, in inches; by default as the classes need it.

    Returns:
        A figure to save or show.
    """
    count = len(names)
    side = min(14.0, max(4.6, 1.8 + 0.38 * count)) if width is None else width
    figure = Figure(figsize=(side, 0.86 * side + 0.3), layout="constrained")
    axis = figure.subplots()
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axis.imshow(shares, cmap="Greys", vmin=0, vmax=1)
    if count <= _WRITTEN:
        for row, column in np.argwhere(counts):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axis.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=8, color=colour)
    shown = range(count) if count <= _NAMED else range(0, count, -(-count // _NAMED))
    labels = [names[i] for i in shown]
    size = 8 if count <= _WRITTEN else 5
    for ticks in (axis.set_xticks, axis.set_yticks):
        ticks(list(shown), labels, fontsize=size, parse_math=False)
    axis.tick_params(axis="x", labelrotation=90)
    axis.set_xlabel("said")
    axis.set_ylabel("true")
    axis.set_xticks(np.arange(count + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(count + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="0.85", linewidth=0.5)
    axis.tick_params(which="minor", length=0)
    figure.suptitle(title, fontsize=9, parse_math=False)
    return figure
