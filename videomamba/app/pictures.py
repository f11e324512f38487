"""Figures as pictures that can be clicked."""

from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

_DPI = 110


@dataclass(frozen=True)
class TimeAxis:
    """Where in a picture which moment is.

    Attributes:
        left, right: columns of the axis' ends.
        end: seconds at the right; 0 is at the left.
    """

    left: float
    right: float
    end: float

    def seconds(self, column: float) -> float:
        """The moment at a column, within the axis."""
        share = (column - self.left) / max(1.0, self.right - self.left)
        return min(max(share, 0.0), 1.0) * self.end


def picture_of(figure: Figure) -> tuple[NDArray[np.uint8], TimeAxis]:
    """The figure (H, W, 3), and the horizontal axis of its last axes, which begins at 0."""
    figure.set_dpi(_DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    axis = figure.axes[-1]
    box = axis.get_window_extent()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    return pixels, TimeAxis(float(box.x0), float(box.x1), float(axis.get_xlim()[1]))
