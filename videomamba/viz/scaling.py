"""How something grows, for several models: log-log axes, and the slope of a line through each one's points."""

import math
import statistics
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

Points = Sequence[tuple[float, float]]
# Okabe and Ito's colours, told apart by the colour-blind; markers tell them apart in print
_COLOURS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = "osD^vPX"


def slope(points: Points) -> float | None:
    """Of log y over log x by least squares; None without two different x. 1 is linear, 2 quadratic."""
    if len({x for x, _ in points}) < 2:
        return None
    logs = ([math.log(point[axis]) for point in points] for axis in (0, 1))
    return statistics.linear_regression(*logs).slope


def scaling_figure(
    panels: Mapping[str, Mapping[str, Points]], *, xlabels: Sequence[str], ylabel: str, title: str = ""
) -> Figure:
    """Panels side by side, each with one line per model; the legend gives the slopes.

    Args:
        panels: by title, the points (x, y) of each model.
        xlabels: of the panels.
        ylabel: of all.
        title: written on top.
    """
    figure = Figure(figsize=(1 + 4.6 * len(panels), 4.6), layout="constrained")
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    looks = {name: (_COLOURS[i % 7], _MARKERS[i % 7]) for i, name in enumerate(names)}
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, xlabel, (panel, lines) in zip(axes, xlabels, panels.items(), strict=True):
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        for name, points in lines.items():
            colour, marker = looks[name]
            steepness = slope(points)
            label = name if steepness is None else f"{name}, slope {steepness:.2f}"
            axis.plot(*zip(*sorted(points), strict=True), marker=marker, color=colour, markersize=4, label=label)
        axis.set_xticks(sorted({x for points in lines.values() for x, _ in points}), minor=False)
        axis.xaxis.set_major_formatter("{x:.0f}")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.tick_params(axis="x", labelrotation=45, labelsize=7)
        axis.set_xlabel(xlabel)
        axis.set_title(panel, fontsize=9)
        axis.grid(alpha=0.3)
        if lines:
            axis.legend(fontsize=7, frameon=False)
    axes[0].set_ylabel(ylabel)
    if title:
        figure.suptitle(title, fontsize=9)
    return figure
