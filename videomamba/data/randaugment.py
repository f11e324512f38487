"""RandAugment on a clip: torchvision's operations, those that took most of the time done in another way.

What is done otherwise differs from torchvision's result by at most one of 255 levels, by rounding.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2


class RandAugment(v2.RandAugment):
    """torchvision's RandAugment on timm's scale of strength, 0 to 10, drawn from a normal distribution.

    (9, 0.5), each operation with chance 0.5, is timm's ``rand-m9-mstd0.5``. torchvision's own magnitude 9 is of 30.

    Args:
        ops: operations drawn for a clip.
        magnitude, deviation: of the normal distribution of their strengths.
        prob: chance that a drawn operation is carried out.
    """

    _BINS = 301

    def __init__(self, ops: int, magnitude: float, deviation: float, prob: float) -> None:
        super().__init__(1, 0, num_magnitude_bins=self._BINS, interpolation=v2.InterpolationMode.BILINEAR)
        self.ops, self.mean, self.deviation, self.prob = ops, magnitude, deviation, prob

    def forward(self, clip: Tensor) -> Tensor:
        for _ in range(self.ops):
            if self.prob < 1 and torch.rand(()).item() >= self.prob:
                continue
            drawn = self.mean + self.deviation * torch.randn(()).item()
            self.magnitude = round(min(10.0, max(0.0, drawn)) / 10 * (self._BINS - 1))
            clip = super().forward(clip.contiguous())  # colour by colour, which decoded pixels are not, is fastest
        return clip

    def _apply_image_or_video_transform(
        self, image: Tensor, transform_id: str, magnitude: float, *args: Any, **options: Any
    ) -> Tensor:
        if transform_id == "ShearX":
            return shear(image, magnitude, -1)
        if transform_id == "ShearY":
            return shear(image, magnitude, -2)
        if transform_id == "TranslateX":
            return shift(image, int(magnitude), -1)
        if transform_id == "TranslateY":
            return shift(image, int(magnitude), -2)
        if transform_id == "Sharpness":
            return sharpen(image, 1 + magnitude)
        if transform_id == "Solarize":
            return solarize(image, 255 * magnitude)
        return super()._apply_image_or_video_transform(image, transform_id, magnitude, *args, **options)


def shift(frames: Tensor, pixels: int, dim: int) -> Tensor:
    """Frames moved by whole pixels along ``dim``, black where nothing was: ``affine`` samples a grid for the same."""
    moved = torch.zeros_like(frames)
    kept = frames.shape[dim] - abs(pixels)
    if kept > 0:
        moved.narrow(dim, max(0, pixels), kept).copy_(frames.narrow(dim, max(0, -pixels), kept))
    return moved


def shear(frames: Tensor, level: float, dim: int) -> Tensor:
    """uint8 frames whose rows move along ``dim`` -1, or columns along -2, by ``level`` times their place, black beyond.

    A row takes its pixels from between two neighbours, the same two steps away for all of it: neighbouring rows whose
    whole steps agree move in one piece, and one interpolation does the rest; ``affine`` samples a grid, bilinearly too.
    """
    length, count = frames.shape[dim], frames.shape[-3 - dim]
    places = level * (np.arange(count) + 0.5)
    steps = np.floor(places)
    share = torch.from_numpy((places - steps).astype(np.float32))
    shape = list(frames.shape)
    shape[dim] += 1  # the last pixel's right neighbour
    moved = torch.zeros(shape, dtype=torch.uint8)
    source, target = frames.transpose(dim, -1).numpy(), moved.transpose(dim, -1).numpy()
    ends = [*np.flatnonzero(np.diff(steps)) + 1, count]
    for start, end in pairwise([0, *ends]):
        step = int(steps[start])
        first, last = max(0, -step), min(length + 1, length - step)
        if last > first:
            target[..., start:end, first:last] = source[..., start:end, first + step : last + step]
    values = moved.float()
    left, right = values.narrow(dim, 0, length), values.narrow(dim, 1, length)
    return torch.lerp(left, right, share[:, None] if dim == -1 else share).round_().to(torch.uint8)


def sharpen(frames: Tensor, factor: float) -> Tensor:
    """``adjust_sharpness`` of uint8 frames: its 3 x 3 kernel, all ones and 5 in the middle, as two sums of three.

    As a convolution of one channel each it takes eight times as long.
    """
    picture = frames.float()
    if min(picture.shape[-2:]) > 2:
        columns = picture[..., :-2, :] + picture[..., 1:-1, :] + picture[..., 2:, :]
        blurred = columns[..., :-2] + columns[..., 1:-1] + columns[..., 2:]
        inner = picture[..., 1:-1, 1:-1]
        blurred.add_(inner, alpha=4).div_(13).round_()
        inner.add_(blurred.sub_(inner), alpha=1 - factor)
    return picture.clamp_(0, 255).to(torch.uint8)


def solarize(frames: Tensor, threshold: float) -> Tensor:
    """uint8 pixels from ``threshold`` up inverted, without a branch: x ^ 255 is 255 - x."""
    return frames ^ (frames >= threshold).view(torch.uint8).neg_()
