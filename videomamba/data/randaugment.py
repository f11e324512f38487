"""RandAugment on a clip: timm's policy, drawn once per clip, over torchvision's operations."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from videomamba.data.fast_pixels import shift

BILINEAR = InterpolationMode.BILINEAR


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
            clip = operation.run(clip, level)
        return clip


@dataclass(frozen=True)
class Operation:
    """``run`` makes other frames of frames, at a level from 0 to ``most``, or from -``most`` if ``signed``."""

    run: Callable[[Tensor, float], Tensor]
    most: float = 0.0
    signed: bool = False


_FARTHEST = 150 / 331  # of a side, for a translation


def _shear(frames: Tensor, *, x: float = 0.0, y: float = 0.0) -> Tensor:
    """Rows, or columns, moved along themselves by ``x``, or ``y``, times their distance from the first."""
    angles = [math.degrees(math.atan(x)), math.degrees(math.atan(y))]
    return F.affine(frames, 0.0, [0, 0], 1.0, angles, interpolation=BILINEAR, center=[0, 0])


OPERATIONS: Mapping[str, Operation] = {
    "Identity": Operation(lambda frames, _: frames),
    "ShearX": Operation(lambda frames, level: _shear(frames, x=level), 0.3, signed=True),
    "ShearY": Operation(lambda frames, level: _shear(frames, y=level), 0.3, signed=True),
    "TranslateX": Operation(
        lambda frames, level: shift(frames, int(level * frames.shape[-1]), -1), _FARTHEST, signed=True
    ),
    "TranslateY": Operation(
        lambda frames, level: shift(frames, int(level * frames.shape[-2]), -2), _FARTHEST, signed=True
    ),
    "Rotate": Operation(lambda frames, level: F.rotate(frames, level, BILINEAR), 30.0, signed=True),
    "Brightness": Operation(lambda frames, level: F.adjust_brightness(frames, 1 + level), 0.9, signed=True),
    "Color": Operation(lambda frames, level: F.adjust_saturation(frames, 1 + level), 0.9, signed=True),
    "Contrast": Operation(lambda frames, level: F.adjust_contrast(frames, 1 + level), 0.9, signed=True),
    "Sharpness": Operation(lambda frames, level: F.adjust_sharpness(frames, 1 + level), 0.9, signed=True),
    "Posterize": Operation(lambda frames, level: F.posterize(frames, 8 - round(level)), 4.0),
    "Solarize": Operation(lambda frames, level: F.solarize(frames, 255 * (1 - level)), 1.0),
    "AutoContrast": Operation(lambda frames, _: F.autocontrast(frames)),
    "Equalize": Operation(lambda frames, _: F.equalize(frames)),
}
