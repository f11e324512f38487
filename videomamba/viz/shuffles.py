"""How much a model depends on the order of frames: accuracy under each shuffle, and the change of each class."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

_INK, _PALE = "0.25", "0.75"


def shuffle_figure(
    labels: Mapping[str, str],
    accuracies: Mapping[str, Sequence[float]],
    per_class: Mapping[str, Mapping[str, float | None]],
    *,
    title: str = "",
) -> Figure:
    """Bars of accuracy (mean of the runs, which are dots on them) beside a map of each class's change.

    The map runs from brown (worse when shuffled) over white to blue-green (better); lightness depends only on the size
    of the change, and the numbers are written in, for greyscale prints and colour-blind readers.

    Args:
        labels: shuffle -> its name in the picture, in the order to draw; ``none`` is among them.
        accuracies: shuffle -> top-1 of each run, in percent.
        per_class: class -> shuffle -> accuracy over all runs, in percent; None is left blank.
        title: written on top.

    Returns:
        A figure to save or show.
    """
    changed = [name for name in labels if name != "none"]
    classes = sorted(per_class, key=lambda c: _mean_change(per_class[c], changed))
    height = max(2.6, 0.27 * len(classes) + 1.4)
    figure = Figure(figsize=(8.4, height), layout="constrained")
    bars, image = figure.subplots(1, 2, width_ratios=[1, 1.35])

    for place, name in enumerate(labels):
        runs = np.asarray(accuracies[name])
        bars.bar(place, runs.mean(), color=_INK if name == "none" else _PALE, edgecolor=_INK, width=0.7)
        bars.plot(np.full(len(runs), place), runs, "o", color="white", markeredgecolor="black", markersize=3.5)
        bars.annotate(f"{runs.mean():.1f}", (place, 0), (0, 4), textcoords="offset points", ha="center", fontsize=8,
                      color="white" if name == "none" else "black")  # fmt: skip
    bars.set_xticks(range(len(labels)), list(labels.values()), fontsize=8, rotation=20)
    bars.set_ylabel("top-1, %", fontsize=8)
    bars.set_ylim(0, 105)
    bars.tick_params(axis="y", labelsize=8)
    bars.spines[["top", "right"]].set_visible(False)

    table = np.array([[_change(per_class[c], name) for name in changed] for c in classes], dtype=float)
    largest = max(1.0, float(np.nanmax(np.abs(table)))) if np.isfinite(table).any() else 1.0
    shown = image.imshow(table, cmap="BrBG", vmin=-largest, vmax=largest, aspect="auto")
    image.set_xticks(range(len(changed)), [labels[name] for name in changed], fontsize=8)
    image.set_yticks(range(len(classes)), classes, fontsize=8)
    for row, column in np.argwhere(np.isfinite(table)):
        value = table[row, column]
        image.text(column, row, f"{value:+.0f}", ha="center", va="center", fontsize=7,
                   color="white" if abs(value) > 0.7 * largest else "black")  # fmt: skip
    bar = figure.colorbar(shown, ax=image)
    bar.set_label("change of a class's accuracy, points", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    figure.suptitle(title, fontsize=9)
    return figure


def _change(accuracy: Mapping[str, float | None], name: str) -> float:
    before, after = accuracy["none"], accuracy[name]
    return float("nan") if before is None or after is None else after - before


def _mean_change(accuracy: Mapping[str, float | None], changed: Sequence[str]) -> float:
    values = [_change(accuracy, name) for name in changed]
    return 0.0 if np.isnan(values).all() else float(np.nanmean(values))
