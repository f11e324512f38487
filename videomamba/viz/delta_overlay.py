"""One layer's delta maps over a playing clip, and the step size of one place over time."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from torch import Tensor

from videomamba.viz.curves import LOOKS
from videomamba.viz.delta import DeltaRows

_MARK = ((0, 0, 0), (255, 255, 255))  # seen on dark and on bright


def overlay_film(
    frames: Tensor, steps: Sequence[int], rows: DeltaRows, *, opacity: float
) -> Iterator[NDArray[np.uint8]]:
    """Pictures (H, W, 3), one for each frame.

    Args:
        frames: (N, 3, H, W) uint8.
        steps: (N,) which map in time each frame has.
        rows: of the layer, from :meth:`DeltaRows.one`, in the frames' size.
        opacity: of the map, from 0 to 1.
    """
    for frame, step in zip(frames, steps, strict=True):
        yield rows.picture(0, step, frame, cover=opacity)


def with_mark(picture: NDArray[np.uint8], row: int, column: int, grid: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture (H, W, 3) with a frame around one token of a grid of (rows, columns)."""
    marked = picture.copy()
    height, width = picture.shape[:2]
    top, bottom = (round(i * height / grid[0]) for i in (row, row + 1))
    left, right = (round(i * width / grid[1]) for i in (column, column + 1))
    for inset, colour in ((0, _MARK[0]), (2, _MARK[1])):
        y1, y2, x1, x2 = top + inset, bottom - inset, left + inset, right - inset
        for edge in (
            (slice(y1, y1 + 2), slice(x1, x2)),
            (slice(y2 - 2, y2), slice(x1, x2)),
            (slice(y1, y2), slice(x1, x1 + 2)),
            (slice(y1, y2), slice(x2 - 2, x2)),
        ):
            marked[edge] = colour
    return marked


def token_at(x: float, y: float, size: tuple[int, int], grid: tuple[int, int]) -> tuple[int, int]:
    """Row and column of the token at a pixel of a picture of (height, width)."""
    row, column = int(y / size[0] * grid[0]), int(x / size[1] * grid[1])
    return min(max(row, 0), grid[0] - 1), min(max(column, 0), grid[1] - 1)


def token_figure(
    maps: Tensor, layer: int, row: int, column: int, *, seconds: Sequence[float] | None = None, width: float = 6
) -> Figure:
    """The step size of one place over time, one line per direction.

    Args:
        maps: (depth, 2, t, h, w) of one clip.
        layer, row, column: of the place.
        seconds: (t,) of the maps; without it their numbers stand at the axis.
        width: of the figure, in inches.
    """
    figure = Figure(figsize=(width, 3), layout="constrained")
    axis = figure.subplots()
    values = maps[layer, :, :, row, column].float().numpy()
    at = list(range(values.shape[1])) if seconds is None else list(seconds)
    for line, (name, (colour, style, marker)) in zip(values, LOOKS.items(), strict=True):
        axis.plot(at, line, style, marker=marker, color=colour, markersize=4, label=name)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("token in time" if seconds is None else "seconds")
    axis.set_ylabel("step size")
    if seconds is None:
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, fontsize=8)
    axis.set_title(f"layer {layer}, row {row}, column {column}", fontsize=9)
    return figure
