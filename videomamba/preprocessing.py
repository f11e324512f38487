"""Preprocessing of clips: a property of the model that data, tasks and inference follow."""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

from videomamba.checks import check_choice, check_int
from videomamba.errors import UserError

Sampling = Literal["middle", "sparse", "ssv2"]
Interpolation = Literal["bilinear", "bicubic"]


@dataclass(frozen=True)
class Preprocessing:
    """How a clip is prepared for the model.

    Attributes:
        num_frames: frames of a clip.
        stride: source frames from one to the next; None takes the clip evenly from the video.
        size: height and width in pixels.
        mean, std: per colour channel, for pixels in [0, 1] (ImageNet's by default).
        sampling: which frame is taken from each part of a video that is divided evenly (``stride`` None): ``middle``;
            ``sparse`` and ``ssv2`` as OpenGVLab's code does on Kinetics and on Something-Something V2, see
            :class:`videomamba.data.UniformSampler`.
        crop: side of the central crop over the shorter side of the resized picture.
        interpolation: with which the picture is resized.
        views: clips and crops of each video in a test, whose scores are averaged.

    Raises:
        UserError: a value that no clip can have.

    Example:
        >>> print(videomamba.Preprocessing(num_frames=8, stride=4, size=(112, 112)))
        8 frames 4 apart of 112 x 112
    """

    num_frames: int = 16
    stride: int | None = None
    size: tuple[int, int] = (224, 224)
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    sampling: Sampling = "middle"
    crop: float = 1.0
    interpolation: Interpolation = "bilinear"
    views: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        for name, length in (("size", 2), ("mean", 3), ("std", 3), ("views", 2)):  # JSON brings lists
            value = getattr(self, name)
            if not isinstance(value, list | tuple) or len(value) != length or not all(map(_is_number, value)):
                raise UserError(f"{name}={value!r}; it must be {length} numbers")
            object.__setattr__(self, name, tuple(value))
        check_int("num_frames", self.num_frames, at_least=1)
        if self.stride is not None:
            check_int("stride", self.stride, at_least=1)
        for name in ("size", "views"):
            for number in getattr(self, name):
                check_int(name, number, at_least=1)
        if min(self.std) <= 0:
            raise UserError(f"std={self.std}; each must be above 0")
        check_choice("sampling", self.sampling, get_args(Sampling))
        check_choice("interpolation", self.interpolation, get_args(Interpolation))
        if not _is_number(self.crop) or not 0 < self.crop <= 1:
            raise UserError(f"crop={self.crop!r}; it must be above 0 and at most 1")

    @property
    def decoded_side(self) -> int:
        """Short side at which frames are kept while decoding: memory stays bounded, and crops have enough pixels."""
        return 2 * max(self.size)

    def at_input(self, num_frames: int, size: tuple[int, int]) -> "Preprocessing":
        """The same for clips of another length or size; what is an image's alone does not go over to a video."""
        if self.num_frames == 1 != num_frames:
            return replace(self, num_frames=num_frames, size=size, crop=1.0, interpolation="bilinear")
        return replace(self, num_frames=num_frames, size=size)

    def __str__(self) -> str:
        stride = "evenly over the video" if self.stride is None else f"{self.stride} apart"
        return f"{self.num_frames} frames {stride} of {self.size[0]} x {self.size[1]}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
