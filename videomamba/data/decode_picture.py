"""A picture as a video of one frame, read with Pillow as torchvision's ImageFolder reads it."""

import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from videomamba.data.errors import VideoError, reason
from videomamba.data.frame_times import FrameTimes
from videomamba.notes import UserNote


class PictureDecoder:
    """The one frame of a picture, upright as its Exif orientation says.

    Attributes:
        times: of one frame, at 0.
        pixel_aspect: 1.

    Raises:
        VideoError: the file is not a picture, or is cut off.
    """

    name = "pillow"
    num_frames = 1
    pixel_aspect = Fraction(1)

    def __init__(self, path: Path) -> None:
        self.path = path
        self.times = FrameTimes.evenly(1, 1.0)
        self._picture = picture(path)

    def frames(self, indices: list[int]) -> Iterator[tuple[int, Tensor]]:
        """(0, (H, W, 3) uint8), once."""
        for index in indices:
            yield index, self._picture

    def close(self) -> None:
        """Nothing is held open."""


def picture(path: Path) -> Tensor:
    """(H, W, 3) uint8, RGB; of an animation or several pages the first, which a note says.

    Raises:
        VideoError: it cannot be decoded.
    """
    try:
        with Image.open(path) as opened:
            count = getattr(opened, "n_frames", 1)
            if count > 1 and opened.format != "MPO":  # a camera's second picture is a preview or a map of depths
                warnings.warn(UserNote(f"{path} holds {count} pictures; the first one is taken"), stacklevel=2)
            upright = ImageOps.exif_transpose(opened)
            if upright.mode.startswith("I;16"):  # Pillow would cut off what is above 255
                return torch.from_numpy((np.array(upright) >> 8).astype(np.uint8))[..., None].repeat(1, 1, 3)
            if upright.mode in ("I", "F"):
                raise VideoError(f"{path} has 32 bits per pixel ({upright.mode}); save it with 8 or 16")
            return torch.from_numpy(np.array(upright.convert("RGB")))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow's own are these
        raise VideoError(f"{path} cannot be decoded: {reason(error)}") from error
