"""Learning curves of runs."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from videomamba.viz.timeline import COLOURS

Rows = Sequence[Mapping[str, float]]  # one per epoch
_STYLES = ("-", "--", ":", "-.")
_NO_FIGURES = ("epoch", "step", "lr", "clips_per_second", "data_wait")


def learning_figure(runs: Mapping[str, Rows], *, title: str = "", width: float = 9) -> Figure:
    """Losses beside the figures on held-out videos, over epochs; each run has a style of line of its own.

    Args:
        runs: name -> rows of its ``metrics.csv``; a column that is no number in a row is left out there.
        title: written on top.
        width: of the figure, in inches.

    Returns:
        A figure to save or show.
    """
    columns = list(dict.fromkeys(name for rows in runs.values() for row in rows for name in row))
    losses = [name for name in columns if name.endswith("_loss")]
    figures = [
        name for name in columns if name not in (*_NO_FIGURES, *losses) and not name.startswith(("train_", "val_loss"))
    ]
    narrow = width < 7
    figure = Figure(figsize=(width, 6.2 if narrow else 3.6), layout="constrained")
    panels = figure.subplots(2 if narrow else 1, 1 if narrow else 2, squeeze=False).flat
    for axis, names in zip(panels, (losses, figures), strict=True):
        for (run, rows), style in zip(runs.items(), _STYLES, strict=False):
            for name, colour in zip(names, COLOURS, strict=False):
                points = [(row["epoch"], row[name]) for row in rows if "epoch" in row and name in row]
                if points:
                    label = f"{name}, {run}" if len(runs) > 1 else name
                    axis.plot(*zip(*points, strict=True), style, color=colour, marker=".", label=label)
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
        if axis.lines:
            for text in axis.legend(frameon=False, fontsize=8).get_texts():
                text.set_parse_math(False)
    figure.suptitle(title, fontsize=9, parse_math=False)
    return figure
