"""Curves over the layers of a model."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

# colour, line and marker of each direction; the colours are Okabe and Ito's, for the colour-blind
LOOKS = {"forward": ("#0072B2", "-", "o"), "backward": ("#D55E00", "--", "s")}


@dataclass(frozen=True)
class LayerSteps:
    """Step sizes of one layer and direction on one clip, in model units."""

    layer: int
    direction: str
    mean: float
    min: float
    max: float


def layer_steps(maps: Tensor) -> list[LayerSteps]:
    """Of every layer and direction; maps (depth, 2, t, h, w) from ``model.delta_maps``."""
    return [
        LayerSteps(layer, name, values.mean().item(), values.min().item(), values.max().item())
        for layer, both in enumerate(maps.float())
        for name, values in zip(LOOKS, both, strict=True)
    ]


def depth_trend(steps: Sequence[LayerSteps]) -> str:
    """One sentence on how the mean step size changes with depth: what these numbers do, whatever the paper's did."""
    means = _means(steps).mean(0)
    if len(means) < 2:
        return f"one layer, mean step size {means[0]:.3g}: there is no depth to compare"
    correlation = rank_correlation(means)
    lead = f"mean step size {means[0]:.3g} in the first layer, {means[-1]:.3g} in the last"
    ranks = f"rank correlation with depth {correlation:+.2f} over {len(means)} layers"
    if abs(correlation) < 1.96 / (len(means) - 1) ** 0.5:  # of Spearman's, by chance, in 95 of 100 cases
        return f"{lead}; no trend with depth beyond what chance gives ({ranks})"
    return f"{lead}; it {'falls' if correlation < 0 else 'rises'} with depth ({ranks})"


def rank_correlation(values: np.ndarray) -> float:
    """Spearman's, of a sequence with its places; 0 where all values are alike."""
    if np.ptp(values) == 0:
        return 0.0
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # equal values share their mean rank
    return float(np.corrcoef(np.arange(len(values)), ranks)[0, 1])


def delta_curve(steps: Sequence[LayerSteps], *, title: str = "", width: float = 6) -> Figure:
    """The mean step size of each layer, one line per direction; the range over tokens is shaded. Width in inches."""
    figure = Figure(figsize=(width, 3.6), layout="constrained")
    axis = figure.subplots()
    layers = sorted({step.layer for step in steps})
    for name, (colour, style, marker) in LOOKS.items():
        own = [step for step in steps if step.direction == name]
        axis.plot(layers, [s.mean for s in own], style, marker=marker, color=colour, markersize=4, label=name)
        axis.fill_between(layers, [s.min for s in own], [s.max for s in own], color=colour, alpha=0.15, linewidth=0)
    axis.set_yscale("log")
    for ticks in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
        ticks("{x:.2g}")
    axis.set_xlabel("layer")
    axis.set_ylabel("step size (mean; shaded: min to max)")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3, which="both")
    axis.legend(frameon=False, fontsize=8)
    axis.set_title(
        "\n".join([title, *textwrap.wrap(depth_trend(steps), int(13 * width))]).strip(), fontsize=8, parse_math=False
    )
    return figure


def _means(steps: Sequence[LayerSteps]) -> np.ndarray:
    """(2, depth)."""
    return np.array([[s.mean for s in steps if s.direction == name] for name in LOOKS])
