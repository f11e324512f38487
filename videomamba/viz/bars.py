"""Costs part by part, with their lower bounds."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

# Okabe and Ito's colours; hatches tell them apart in print
_LOOKS = (("#0072B2", ""), ("#56B4E9", "///"), ("#E69F00", "..."), ("#CCCCCC", ""))
_MARKS = ("|", "d", "o")


def cost_figure(
    parts: Mapping[str, Mapping[str, float]], marks: Mapping[str, Mapping[str, float]], *, xlabel: str, title: str = ""
) -> Figure:
    """One stacked bar per row, with marks at the row's other figures.

    Args:
        parts: by row, the parts in order; every row has the same ones.
        marks: by row, figures drawn as marks; a row may lack some.
        xlabel: of all.
        title: written on top.
    """
    figure = Figure(figsize=(9, 1.6 + 0.5 * len(parts)), layout="constrained")
    axis = figure.subplots()
    rows: Sequence[str] = list(parts)
    left = [0.0] * len(rows)
    for name, (colour, hatch) in zip(parts[rows[0]], _LOOKS, strict=False):
        widths = [parts[row][name] for row in rows]
        axis.barh(rows, widths, left=left, label=name, color=colour, hatch=hatch, edgecolor="white", height=0.6)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for name, mark in zip(dict.fromkeys(name for row in rows for name in marks[row]), _MARKS, strict=False):
        there = [(marks[row][name], row) for row in rows if name in marks[row]]
        axis.plot(*zip(*there, strict=True), mark, color="black", markersize=12 if mark == "|" else 6, label=name)
    axis.invert_yaxis()
    axis.set_xlim(left=0)
    axis.set_xlabel(xlabel)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure
