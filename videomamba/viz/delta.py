"""The paper's delta maps (supplement, Figs. S1-S3): what each layer takes in and what it ignores."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch.nn.functional as F
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from torch import Tensor

from videomamba.errors import UserError

Direction = Literal["both", "forward", "backward"]
Scale = Literal["shared", "layer"]

GREY, OVER = "gray", "cividis"  # both vary only in lightness: readable in greyscale and for colour-blind readers
_COVER = 0.6  # share of the map in an overlay; the rest is the frame, without colour
_WHICH = {"both": "mean of both directions", "forward": "forward direction", "backward": "backward direction"}


@dataclass(frozen=True)
class Drawing:
    """How maps are drawn.

    Attributes:
        layers: their numbers; by default five, evenly spread.
        direction: one, or the mean of both.
        scale: one logarithmic scale ``shared`` by all layers, whose step sizes may differ by orders of magnitude, or
            each ``layer`` on its own linear one, which shows what differs within it.
        overlay: lay the maps, in colour, over the frames without theirs.
    """

    layers: Sequence[int] | None = None
    direction: Direction = "both"
    scale: Scale = "shared"
    overlay: bool = False


def default_layers(depth: int, rows: int = 5) -> list[int]:
    """At most ``rows`` layers, evenly from the first to the last."""
    return sorted({round(i * (depth - 1) / max(1, rows - 1)) for i in range(rows)})


@dataclass(frozen=True, eq=False)
class DeltaRows:
    """Maps of chosen layers in the frames' size, with the scale that each is drawn on.

    Attributes:
        layers: their numbers.
        maps: (layers, t, H, W) float32, in model units.
        limits: per layer the step sizes drawn darkest and brightest; what is beyond is clipped.
        words: direction, scale and grid, to be written on every picture.
    """

    layers: tuple[int, ...]
    maps: Tensor
    limits: tuple[tuple[float, float], ...]
    words: str
    shared: bool

    @classmethod
    def of(cls, maps: Tensor, size: tuple[int, int], how: Drawing) -> "DeltaRows":
        """Maps (depth, 2, t, h, w) of one clip, from ``model.delta_maps``, for frames of this height and width.

        Raises:
            UserError: a layer that the model does not have, or none.
        """
        chosen, shared = check_layers(how.layers, len(maps)), how.scale == "shared"
        values = one_direction(maps, how.direction)[list(chosen)].float()
        ends = [(v.quantile(0.01).item(), v.quantile(0.99).item()) for v in values.flatten(1)]
        if shared:
            ends = [(min(low for low, _ in ends), max(high for _, high in ends))] * len(ends)
        t, h, w = values.shape[1:]
        return cls(
            layers=chosen,
            maps=F.interpolate(values, size=size, mode="bilinear"),
            limits=tuple(ends),
            words=f"step size (after softplus, mean over channels), {_WHICH[how.direction]}; darker is smaller; "
            f"{'one logarithmic scale for all layers' if shared else 'each layer on its own linear scale'}, the 1st to "
            f"the 99th percentile; {t} x {h} x {w} tokens, resized bilinearly",
            shared=shared,
        )

    @classmethod
    def one(cls, maps: Tensor, size: tuple[int, int], layer: int, how: Drawing) -> "DeltaRows":
        """The maps of one layer, on the scale that it has among all layers of ``how``.

        Raises:
            UserError: a layer that is not among them.
        """
        tokens = (maps.shape[-2], maps.shape[-1])
        rows = cls.of(maps, tokens, how)
        if layer not in rows.layers:
            raise UserError(f"there is no layer {layer}; the layers are {', '.join(map(str, rows.layers))}")
        row = rows.layers.index(layer)
        larger = F.interpolate(rows.maps[row : row + 1], size=size, mode="bilinear")
        return cls((layer,), larger, (rows.limits[row],), rows.words, rows.shared)

    def picture(self, row: int, step: int, frame: Tensor | None = None, *, cover: float = _COVER) -> np.ndarray:
        """(H, W, 3) uint8: the map in grey, or in colour over a frame (3, H, W) uint8, covering a share of it."""
        values = self.scale(row)(self.maps[row, step].numpy())
        if frame is None:
            drawn = colormaps[GREY](values)[..., :3]
        else:
            grey = frame.float().mean(0).numpy()[..., None] / 255
            drawn = cover * colormaps[OVER](values)[..., :3] + (1 - cover) * grey
        return (np.asarray(drawn) * 255).round().astype(np.uint8)

    def scale(self, row: int) -> Normalize:
        """From step sizes to lightness, 0 to 1."""
        return (LogNorm if self.shared else Normalize)(*self.limits[row], clip=True)

    def label(self, row: int) -> str:
        """The layer, and the values of black and white where each layer has its own."""
        low, high = self.limits[row]
        return f"layer {self.layers[row]}" + ("" if self.shared else f"\n{low:.3g} (dark)\nto {high:.3g} (bright)")


def one_direction(maps: Tensor, direction: Direction) -> Tensor:
    """(depth, 2, t, h, w) -> (depth, t, h, w)."""
    return maps.mean(1) if direction == "both" else maps[:, ("forward", "backward").index(direction)]


def check_layers(layers: Sequence[int] | None, depth: int) -> tuple[int, ...]:
    """The layers to draw.

    Raises:
        UserError: a layer that the model does not have, or none.
    """
    if layers is None:
        return tuple(default_layers(depth))
    if not layers:
        raise UserError(f"no layer to draw; this model has layers 0 to {depth - 1}")
    for layer in layers:
        if not 0 <= layer < depth:
            raise UserError(f"there is no layer {layer}; this model has layers 0 to {depth - 1}")
    return tuple(layers)


def delta_figure(
    frames: Tensor,
    maps: Tensor,
    how: Drawing | None = None,
    *,
    timestamps: Sequence[float] | None = None,
    columns: int = 8,
    title: str = "",
) -> Figure:
    """Frames above, one row of step-size maps per layer below; darker is smaller, as in the paper.

    Args:
        frames: (T, 3, H, W) uint8, as the model saw them.
        maps: (depth, 2, t, h, w) of one clip, from ``model.delta_maps``.
        how: layers, direction, scale, overlay.
        timestamps: seconds of the frames, to be written above them.
        columns: largest number of moments to show, evenly spread.
        title: written on top.

    Returns:
        A figure to save or show.

    Raises:
        UserError: a layer that the model does not have.
    """
    height, width = frames.shape[2:]
    how = how or Drawing()
    rows = DeltaRows.of(maps, (height, width), how)
    steps = default_layers(maps.shape[2], min(columns, maps.shape[2]))
    tubelet = len(frames) // maps.shape[2]
    figure = Figure(
        figsize=(1.15 * len(steps) + 1.7, 1.15 * height / width * (len(rows.layers) + 1) + 1.1), layout="compressed"
    )
    axes = figure.subplots(len(rows.layers) + 1, len(steps), squeeze=False)
    for column, step in enumerate(steps):
        frame = frames[step * tubelet]
        axes[0, column].imshow(np.moveaxis(frame.numpy(), 0, -1))
        when = "" if timestamps is None else f", {timestamps[step * tubelet]:.2f} s"
        axes[0, column].set_title(f"frame {step * tubelet}{when}", fontsize=7)
        for row in range(len(rows.layers)):
            axes[row + 1, column].imshow(rows.picture(row, step, frame if how.overlay else None))
    for row in range(len(rows.layers)):
        axes[row + 1, 0].set_ylabel(rows.label(row), rotation=0, ha="right", va="center", fontsize=7)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    add_scale(figure, list(axes[1:].flat), rows, overlay=how.overlay)
    write_title(figure, title, rows.words)
    return figure


def write_title(figure: Figure, *lines: str) -> None:
    """On top, folded to the figure's width."""
    width = int(15 * figure.get_figwidth())
    folded = [part for line in lines for part in textwrap.wrap(line, width)]
    figure.suptitle("\n".join(folded), fontsize=8, parse_math=False)


def add_scale(figure: Figure, axes: Sequence[Axes], rows: DeltaRows, *, overlay: bool) -> None:
    """The colour bar beside axes, in model units; without numbers where each layer has its own scale."""
    mappable = ScalarMappable(rows.scale(0) if rows.shared else Normalize(0, 1), colormaps[OVER if overlay else GREY])
    bar = figure.colorbar(mappable, ax=axes, shrink=0.9, pad=0.01, aspect=30)
    if rows.shared:
        low, high = rows.limits[0]
        ticks = np.geomspace(low, high, 6).tolist()
        bar.set_ticks(ticks, labels=told_apart(ticks))
        bar.ax.minorticks_off()
    else:
        bar.set_ticks([0, 1], labels=["small", "large"])
    bar.ax.tick_params(labelsize=7)
    bar.set_label("step size", fontsize=7)


def told_apart(values: Sequence[float]) -> list[str]:
    """Two significant digits each, and as many more, up to six, as it takes to tell different values apart."""
    for digits in range(2, 7):
        texts = [f"{value:.{digits}g}" for value in values]
        if len(set(texts)) == len(set(values)):
            break
    return texts
