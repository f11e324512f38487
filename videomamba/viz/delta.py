"""The paper's delta pictures (supplement, Figs. S1-S3): what each layer takes in, and what it passes over."""

from collections.abc import Sequence

import numpy as np
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor


def default_layers(depth: int, rows: int = 5) -> list[int]:
    """At most ``rows`` layers, evenly from the first to the last."""
    return sorted({round(i * (depth - 1) / max(1, rows - 1)) for i in range(rows)})


def delta_figure(frames: Tensor, maps: Tensor, *, layers: Sequence[int] | None = None, title: str = "") -> Figure:
    """Frames above, a row of step-size maps for each layer under them.

    Darker is smaller, as in the paper. Each row has a grey scale of its own, from its smallest to its largest value;
    both are printed beside it, in model units: step sizes differ between layers by more than one scale can show.

    Args:
        frames: (T, 3, H, W) uint8, as the model saw them.
        maps: (depth, 2, t, h, w) of one clip, from ``model.delta_maps``; the two directions are averaged.
        layers: rows to draw; five evenly spread ones by default.
        title: written on top.

    Returns:
        A figure to save or show.

    Raises:
        ValueError: a layer that the model does not have.
    """
    depth, _, steps = maps.shape[:3]
    layers = default_layers(depth) if layers is None else layers
    for layer in layers:
        if not 0 <= layer < depth:
            raise ValueError(f"there is no layer {layer}; this model has layers 0 to {depth - 1}")
    shown = frames[:: len(frames) // steps][:steps]
    rows = [
        F.interpolate(maps[i].float().mean(0)[:, None], size=frames.shape[2:], mode="bilinear")[:, 0] for i in layers
    ]
    height, width = frames.shape[2:]
    figure = Figure(figsize=(1.15 * steps + 1.3, (1.15 * height / width) * (len(rows) + 1) + 0.6), layout="constrained")
    axes = figure.subplots(len(rows) + 1, steps, squeeze=False)
    for column in range(steps):
        axes[0, column].imshow(np.moveaxis(shown[column].numpy(), 0, -1))
        axes[0, column].set_title(f"frame {column * (len(frames) // steps)}", fontsize=7)
        for row, (layer, values) in enumerate(zip(layers, rows, strict=True), start=1):
            low, high = float(values.min()), float(values.max())
            axes[row, column].imshow(values[column].numpy(), cmap="gray", vmin=low, vmax=high)
            if column == 0:
                label = f"layer {layer}\n{low:.3f} (black)\nto {high:.3f} (white)"
                axes[row, 0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=7)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    figure.suptitle(title, fontsize=9)
    return figure
