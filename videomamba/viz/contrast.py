"""Step sizes inside a region over those outside, layer by layer."""

import textwrap
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator
from torch import Tensor

from videomamba.viz.curves import LOOKS

_LOOKS = (*((name, colour, marker) for name, (colour, _, marker) in LOOKS.items()), ("both", "#000000", "D"))
_MOMENTS = 6
_LEAST_RANGE = 1.02  # differences below this should look small


class Row(Protocol):
    """What is drawn of :class:`videomamba.inference.step_contrast.LayerContrast`."""

    @property
    def layer(self) -> int: ...
    @property
    def direction(self) -> str: ...
    @property
    def ratio(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def placed(self) -> float: ...
    @property
    def placed_low(self) -> float: ...
    @property
    def placed_high(self) -> float: ...


def contrast_figure(rows: Sequence[Row], frames: Tensor, region: Tensor, *, title: str = "") -> Figure:
    """One clip with its region on top; below, the ratio of each layer and direction with its 95 % interval.

    Args:
        rows: of every layer and direction.
        frames: (T, 3, H, W) uint8 of the clip that is shown.
        region: (T, H, W) in [0, 1]; what is outside is drawn dark.
        title: written on top.

    Returns:
        A figure to save or show.
    """
    depth = max(row.layer for row in rows) + 1
    width = max(7.0, 0.34 * depth + 2)
    moments = np.linspace(0, len(frames) - 1, min(_MOMENTS, len(frames))).round().astype(int)
    figure = Figure(figsize=(width, 5.2), layout="constrained")
    grid = figure.add_gridspec(2, 1, height_ratios=[1, 2.6])
    above, below = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    for axis, moment in zip(np.atleast_1d(above.subplots(1, len(moments))), moments, strict=True):
        light = 0.25 + 0.75 * region[moment].numpy()[..., None]
        axis.imshow((np.moveaxis(frames[moment].numpy(), 0, -1) * light).astype(np.uint8))
        axis.set_title(f"frame {moment}", fontsize=7)
        axis.set_axis_off()
    left, right = below.subplots(1, 2, sharey=True)
    _draw(left, rows, ("ratio", "low", "high"), "as they are")
    _draw(right, rows, ("placed", "placed_low", "placed_high"), "over the other clips' mean at the same place")
    left.set_ylabel("steps inside / outside", fontsize=8)
    left.legend(frameon=False, fontsize=7)
    figure.suptitle("\n".join(textwrap.wrap(title, int(15 * width))), fontsize=8, parse_math=False)
    return figure


def _draw(axis: Axes, rows: Sequence[Row], names: tuple[str, str, str], title: str) -> None:
    axis.axhline(1, color="0.6", linewidth=1)
    for shift, (direction, colour, marker) in zip((-0.15, 0.0, 0.15), _LOOKS, strict=True):
        own = [row for row in rows if row.direction == direction]
        values, low, high = (np.array([getattr(row, name) for row in own]) for name in names)
        axis.errorbar(
            np.array([row.layer for row in own]) + shift,
            values,
            yerr=np.nan_to_num([values - low, high - values]).clip(min=0),
            color=colour,
            fmt=marker,
            markersize=4,
            linewidth=1,
            capsize=2,
            label=direction,
        )
    axis.set_yscale("log")
    axis.plot([0, 0], [1 / _LEAST_RANGE, _LEAST_RANGE], alpha=0)  # the scale reaches so far
    axis.yaxis.set_major_locator(MaxNLocator(6))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter("{x:.3f}")
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.tick_params(labelsize=7)
    axis.set_xlabel("layer", fontsize=8)
    axis.set_title(title, fontsize=8)
    axis.grid(alpha=0.3)
