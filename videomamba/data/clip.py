"""A clip: frames of one video with where and when they were taken."""

from dataclasses import dataclass

import torch
from torch import Tensor

from videomamba.errors import UserError


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames of one video, checked once when it is made.

    Attributes:
        frames: (T, 3, H, W) uint8, RGB.
        indices: (T,) int64, the frames' places in the video, in presentation order. Where a frame that was asked for
            cannot be decoded, another stands for it, under its own index.
        timestamps: (T,) float64, their presentation times in seconds.
        fps: average frames per second of the video.
        path: where it came from.
        notes: lines for people, such as which frames could not be decoded.

    Raises:
        UserError: shapes or dtypes differ from these.
    """

    frames: Tensor
    indices: Tensor
    timestamps: Tensor
    fps: float
    path: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.frames.dtype != torch.uint8 or self.frames.dim() != 4 or self.frames.shape[1] != 3:
            raise UserError(
                f"frames are {self.frames.dtype} of shape {tuple(self.frames.shape)}; expected uint8 (T, 3, H, W)"
            )
        for name, dtype in (("indices", torch.int64), ("timestamps", torch.float64)):
            value = getattr(self, name)
            if value.dtype != dtype or value.shape != (len(self.frames),):
                raise UserError(f"{name} are {value.dtype} of shape {tuple(value.shape)}; expected {dtype} (T,)")

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        _, _, height, width = self.frames.shape
        when = f"{self.timestamps[0]:.2f}-{self.timestamps[-1]:.2f} s" if len(self) else "no time"
        return f"Clip({len(self)} frames, {height} x {width}, {when} of {self.path})"
