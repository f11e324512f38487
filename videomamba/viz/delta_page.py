"""Delta maps as one web page that needs no network, with any frame, layer, direction and scale."""

import base64
import html
import io
import json
from importlib import resources

import numpy as np
from matplotlib import colormaps
from matplotlib.image import imsave
from torch import Tensor

from videomamba.viz.delta import GREY, OVER, Drawing, check_layers

_COLOURS = 64


def delta_page(
    frames: Tensor,
    maps: Tensor,
    how: Drawing,
    *,
    timestamps: list[float] | None = None,
    title: str = "",
    note: str = "",
) -> str:
    """The page. It holds the maps of all layers as numbers in model units, which it shows under the pointer.

    Args:
        frames: (T, 3, H, W) uint8, as the model saw them.
        maps: (depth, 2, t, h, w) of one clip, from ``model.delta_maps``.
        how: what is shown first; the page can change it.
        timestamps: seconds of the frames.
        title, note: words at the top.

    Raises:
        ValueError: a layer that the model does not have.
    """
    data = {
        "frames": [_data_url(frame) for frame in frames],
        "timestamps": timestamps,
        "shape": list(maps.shape),
        # little-endian float32, in the order depth, direction, t, h, w
        "maps": base64.b64encode(maps.numpy().astype("<f4").tobytes()).decode(),
        "layers": list(check_layers(how.layers, len(maps))),
        "direction": how.direction,
        "scale": how.scale,
        "overlay": how.overlay,
        "colours": {"plain": _colours(GREY), "over": _colours(OVER)},
    }
    template = resources.files("videomamba.viz").joinpath("delta_page.html").read_text(encoding="utf-8")
    for name, value in (("TITLE", html.escape(title)), ("NOTE", html.escape(note))):
        template = template.replace(f"%{name}%", value)
    return template.replace("%DATA%", json.dumps(data))


def _data_url(frame: Tensor) -> str:
    file = io.BytesIO()
    imsave(file, np.moveaxis(frame.numpy(), 0, -1), format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _colours(name: str) -> list[list[int]]:
    places = np.linspace(0, 1, _COLOURS)
    return (colormaps[name](places)[:, :3] * 255).round().astype(int).tolist()
