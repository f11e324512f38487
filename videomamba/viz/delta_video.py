"""Delta maps as a video: the clip, and beside it one panel per layer."""

import math
from collections.abc import Iterator

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from videomamba.viz.delta import DeltaRows, add_scale, write_title

_DPI = 120


def delta_film(frames: Tensor, rows: DeltaRows, *, overlay: bool = False, title: str = "") -> Iterator[np.ndarray]:
    """Pictures (H, W, 3) uint8 of even height and width, one for each frame.

    Args:
        frames: (T, 3, H, W) uint8, as the model saw them.
        rows: the maps, from :meth:`DeltaRows.of`.
        overlay: lay the maps, in colour, over the frames without theirs.
        title: written on top.
    """
    panels = len(rows.layers) + 1
    columns = math.ceil(math.sqrt(panels))
    lines = math.ceil(panels / columns)
    height, width = frames.shape[2:]
    size = (_even(1.9 * columns + 0.9), _even((1.9 * height / width + 0.25) * lines + 0.7))
    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
    axes = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axis in axes:
        axis.set_axis_off()
    tubelet = len(frames) // rows.maps.shape[1]
    pictures = [axes[0].imshow(np.moveaxis(frames[0].numpy(), 0, -1))]
    for row, axis in enumerate(axes[1:panels]):
        pictures.append(axis.imshow(rows.picture(row, 0, frames[0] if overlay else None)))
        axis.set_title(rows.label(row).replace("\n", " "), fontsize=6 if not rows.shared else 8)
    add_scale(figure, axes, rows, overlay=overlay)
    write_title(figure, title, rows.words)
    canvas = FigureCanvasAgg(figure)
    for index, frame in enumerate(frames):
        pictures[0].set_data(np.moveaxis(frame.numpy(), 0, -1))
        axes[0].set_title(f"frame {index}", fontsize=8)
        for row, picture in enumerate(pictures[1:]):
            picture.set_data(rows.picture(row, index // tubelet, frame if overlay else None))
        canvas.draw()
        if index == 0:
            figure.set_layout_engine("none")  # panels stay where they are
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _even(inches: float) -> float:
    """About this number of pixels, but even: h264 takes no odd sizes."""
    return 2 * round(inches * _DPI / 2) / _DPI
