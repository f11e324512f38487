"""Results as pictures: classes with their frames, boxes in their frames."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from videomamba.viz.boxes import DrawnBox, draw_boxes


class Scored(Protocol):
    """A class with its probability."""

    @property
    def label(self) -> str: ...

    @property
    def probability(self) -> float: ...


def classes_figure(frames: NDArray[np.uint8] | None, scores: Sequence[Scored], *, title: str = "") -> Figure:
    """Bars of probabilities, below at most eight of the frames (T, 3, H, W).

    Args:
        frames: RGB, or None where there is no picture to show.
        scores: the best first.
        title: written on top.
    """
    figure = Figure(figsize=(9, 1 + 0.35 * len(scores) + (0 if frames is None else 1.6)), layout="constrained")
    below: Any = figure
    if frames is not None:
        top, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.6, 1 + 0.35 * len(scores))).flat
        chosen = frames[np.linspace(0, len(frames) - 1, min(8, len(frames))).round().astype(int)]
        for axis, frame in zip(top.subplots(1, len(chosen), squeeze=False)[0], chosen, strict=True):
            axis.imshow(frame.transpose(1, 2, 0))
            axis.set_axis_off()
    axis = below.subplots()
    bars = axis.barh([score.label for score in scores], [100 * s.probability for s in scores], color="#0072B2")
    axis.bar_label(bars, fmt="%.1f %%", padding=3)
    axis.invert_yaxis()
    axis.set_xlim(0, 112)
    axis.set_xticks([])
    for side in ("top", "right", "bottom"):
        axis.spines[side].set_visible(False)
    for label in axis.get_yticklabels():
        label.set_parse_math(False)
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure


def boxes_figure(frames: NDArray[np.uint8], keyframes: Sequence[Any]) -> Figure:
    """Keyframes beside each other, each box with its best action.

    Args:
        frames: (K, 3, H, W), RGB.
        keyframes: of the frames: ``seconds`` and ``boxes`` with ``box`` and ``actions``.
    """
    figure = Figure(figsize=(4 * len(frames), 3.2), layout="constrained")
    for axis, frame, keyframe in zip(figure.subplots(1, len(frames), squeeze=False)[0], frames, keyframes, strict=True):
        boxes = [
            DrawnBox(one.box, [f"{one.actions[0].label} {one.actions[0].probability:.2f}"]) for one in keyframe.boxes
        ]
        axis.imshow(draw_boxes(frame.transpose(1, 2, 0), boxes))
        axis.set_title(f"{keyframe.seconds:.1f} s", fontsize=9)
        axis.set_axis_off()
    return figure
