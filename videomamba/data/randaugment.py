"""RandAugment on a clip: torchvision's operations and strengths, most of them done in another way, which takes less.

Shears and sharpness are at most one of 255 levels off torchvision's, by rounding; the others agree to the bit.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F


class RandAugment:
    """RandAugment (arXiv 1909.13719) on timm's scale of strength, 0 to 10, drawn from a normal distribution.

    (9, 0.5), each operation with chance 0.5, is timm's ``rand-m9-mstd0.5``. The operations and what they do at full
    strength are those of torchvision's RandAugment, whose own magnitude 9 is of 30.

    Args:
        ops: operations drawn for a clip.
        magnitude, deviation: of the normal distribution of their strengths.
        prob: chance that a drawn operation is carried out.
    """

    def __init__(self, ops: int, magnitude: float, deviation: float, prob: float) -> None:
        self.ops, self.mean, self.deviation, self.prob = ops, magnitude, deviation, prob

    def __call__(self, clip: Tensor) -> Tensor:
        """(T, 3, H, W) uint8 -> the same."""
        names = list(OPERATIONS)
        for _ in range(self.ops):
            if self.prob < 1 and torch.rand(()).item() >= self.prob:
                continue
            drawn = self.mean + self.deviation * torch.randn(()).item()
            operation = OPERATIONS[names[int(torch.randint(len(names), ()))]]
            level = operation.most * min(10.0, max(0.0, drawn)) / 10
            if operation.signed and torch.rand(()).item() <= 0.5:
                level = -level
            clip = operation.run(_packed(clip), level)  # colour by colour, which decoded pixels are not, is fastest
        return clip


def shift(frames: Tensor, pixels: int, dim: int) -> Tensor:
    """Frames moved by whole pixels along ``dim``, black where nothing was: ``affine`` samples a grid for the same."""
    moved = torch.zeros_like(frames)
    kept = frames.shape[dim] - abs(pixels)
    if kept > 0:
        moved.narrow(dim, max(0, pixels), kept).copy_(frames.narrow(dim, max(0, -pixels), kept))
    return moved


def shear(frames: Tensor, level: float) -> Tensor:
    """uint8 frames whose rows move along themselves by ``level`` times their place, black beyond.

    A row takes its pixels from between two neighbours, the same two steps away for all of it: neighbouring rows whose
    whole steps agree move in one piece, and one interpolation does the rest; ``affine`` samples a grid, bilinearly too.
    """
    height, width = frames.shape[-2:]
    places = level * (np.arange(height) + 0.5)
    steps = np.floor(places)
    share = torch.from_numpy((places - steps).astype(np.float32))
    moved = torch.zeros((*frames.shape[:-1], width + 1), dtype=torch.uint8)  # one more: the last one's right neighbour
    source, target = frames.numpy(), moved.numpy()
    ends = [*np.flatnonzero(np.diff(steps)) + 1, height]
    for start, end in pairwise([0, *ends]):
        step = int(steps[start])
        first, last = max(0, -step), min(width + 1, width - step)
        if last > first:
            target[..., start:end, first:last] = source[..., start:end, first + step : last + step]
    values = moved.float()
    return _levels(torch.lerp(values[..., :-1], values[..., 1:], share[:, None]).round_())


def shear_columns(frames: Tensor, level: float) -> Tensor:
    """:func:`shear` of columns: turning rows into columns and back costs less than moving columns."""
    return _packed(shear(_packed(frames.mT), level).mT)


def rotate(frames: Tensor, angle: float) -> Tensor:
    """torchvision's, of all frames as the channels of one picture: where a pixel comes from is found once for them."""
    picture = frames.flatten(0, 1).float()
    return _levels(F.rotate(picture, angle, F.InterpolationMode.BILINEAR).round_()).view(frames.shape)


def brighten(frames: Tensor, factor: float) -> Tensor:
    """``adjust_brightness`` of uint8 frames."""
    return _levels(frames.float().mul_(factor))


def contrast(frames: Tensor, factor: float) -> Tensor:
    """``adjust_contrast`` of uint8 frames: away from each frame's mean grey, or towards it."""
    picture = frames.float()
    mean = F.rgb_to_grayscale(picture).floor_().mean((-3, -2, -1), keepdim=True)
    return _levels(picture.mul_(factor).add_(mean, alpha=1 - factor))


def saturate(frames: Tensor, factor: float) -> Tensor:
    """``adjust_saturation`` of uint8 frames: away from each pixel's grey, or towards it."""
    picture = frames.float()
    grey = F.rgb_to_grayscale(picture).floor_()
    return _levels(picture.mul_(factor).add_(grey, alpha=1 - factor))


def autocontrast(frames: Tensor) -> Tensor:
    """torchvision's, of uint8 frames: each colour of each frame from 0 to 255, unless it is one level."""
    picture = frames.float()
    least, most = picture.amin((-2, -1), keepdim=True), picture.amax((-2, -1), keepdim=True)
    is_flat = least == most
    step = ((most - least) * (1 / 255)).masked_fill_(is_flat, 1)  # a product, as there: all digits agree
    return _levels(picture.sub_(least.masked_fill_(is_flat, 0)).div_(step))


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
    return _levels(picture)


def equalize(frames: Tensor) -> Tensor:
    """torchvision's, of uint8 frames: each colour of each frame through a table that spreads its levels evenly."""
    rows = frames.flatten(-2).flatten(0, -2)
    counts = torch.stack([row.bincount(minlength=256) for row in rows])
    step = (rows.shape[1] - counts.gather(1, rows.amax(1, keepdim=True).long())) // 255  # of all but the top level
    below = counts.cumsum(1) - counts
    tables = ((below + step // 2) // step.clamp(min=1)).clamp(max=255)
    tables = torch.where(step > 0, tables, torch.arange(256)).to(torch.uint8)
    # bytes have the fastest lookup at hand
    spread = b"".join(
        row.tobytes().translate(table.tobytes()) for row, table in zip(rows.numpy(), tables.numpy(), strict=True)
    )
    return torch.frombuffer(bytearray(spread), dtype=torch.uint8).view(frames.shape)


def solarize(frames: Tensor, threshold: float) -> Tensor:
    """uint8 pixels from ``threshold`` up inverted, without a branch: x ^ 255 is 255 - x."""
    levels = frames.numpy()
    if threshold > 255:
        return frames
    return torch.from_numpy(levels ^ -(levels >= np.uint8(math.ceil(threshold))).view(np.uint8))


def _packed(frames: Tensor) -> Tensor:
    """``contiguous``, in half the time."""
    return torch.from_numpy(np.ascontiguousarray(frames.numpy()))


def _levels(picture: Tensor) -> Tensor:
    """float32 -> uint8, from 0 to 255, fractions cut off; by way of int16, which takes an eighth of the time."""
    return picture.clamp_(0, 255).to(torch.int16).to(torch.uint8)


@dataclass(frozen=True)
class Operation:
    """``run`` makes other frames of frames, at a level from 0 to ``most``, or from -``most`` if ``signed``."""

    run: Callable[[Tensor, float], Tensor]
    most: float = 0.0
    signed: bool = False


_FARTHEST = 150 / 331  # of a side, for a translation

OPERATIONS: Mapping[str, Operation] = {
    "Identity": Operation(lambda frames, _: frames),
    "ShearX": Operation(shear, 0.3, signed=True),
    "ShearY": Operation(shear_columns, 0.3, signed=True),
    "TranslateX": Operation(
        lambda frames, level: shift(frames, int(level * frames.shape[-1]), -1), _FARTHEST, signed=True
    ),
    "TranslateY": Operation(
        lambda frames, level: shift(frames, int(level * frames.shape[-2]), -2), _FARTHEST, signed=True
    ),
    "Rotate": Operation(rotate, 30.0, signed=True),
    "Brightness": Operation(lambda frames, level: brighten(frames, 1 + level), 0.9, signed=True),
    "Color": Operation(lambda frames, level: saturate(frames, 1 + level), 0.9, signed=True),
    "Contrast": Operation(lambda frames, level: contrast(frames, 1 + level), 0.9, signed=True),
    "Sharpness": Operation(lambda frames, level: sharpen(frames, 1 + level), 0.9, signed=True),
    "Posterize": Operation(lambda frames, level: F.posterize(frames, 8 - round(level)), 4.0),
    "Solarize": Operation(lambda frames, level: solarize(frames, 255 * (1 - level)), 1.0),
    "AutoContrast": Operation(lambda frames, _: autocontrast(frames)),
    "Equalize": Operation(lambda frames, _: equalize(frames)),
}
