"""From decoded frames to the model's input: torchvision's transforms, applied to a clip as a whole.

A transform draws once for all frames of a clip: they are one tensor to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import v2

Transform = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Augmentation:
    """What training clips go through, each draw once for all frames of a clip.

    Attributes:
        flip: turn every second clip, on average, left to right; wrong where left and right tell classes apart.
        flip_pairs: labels that change places in a mirror image, such as SSV2's "from left to right" and "from right to
            left": a clip that is turned gets the other one.
        scale: range of the crop's part of the picture's area.
        ratio: range of the crop's width over its height, before it is resized.
        rand_ops: operations of RandAugment (arXiv 1909.13719) on a clip; 0 for none.
        rand_magnitude: their strength, 0 to 10 (the most).
        rand_deviation: of the normal distribution that each operation's strength is drawn from.
        erase: chance that a rectangle of the clip, the same in all frames, is blanked (arXiv 1708.04896).

    Raises:
        ValueError: a value outside its range.
    """

    flip: bool = True
    flip_pairs: tuple[tuple[int, int], ...] = ()
    scale: tuple[float, float] = (0.5, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    rand_ops: int = 0
    rand_magnitude: float = 9.0
    rand_deviation: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        low, high = self.scale
        if not 0 < low <= high <= 1:
            raise ValueError(f"scale={self.scale}; expected 0 < least <= most <= 1")
        if self.rand_ops < 0 or not 0 <= self.rand_magnitude <= 10 or self.rand_deviation < 0:
            raise ValueError(
                f"rand_ops={self.rand_ops}, rand_magnitude={self.rand_magnitude}, rand_deviation="
                f"{self.rand_deviation}; expected at least 0, 0 to 10, at least 0"
            )
        if not 0 <= self.erase <= 1:
            raise ValueError(f"erase={self.erase}; expected a chance from 0 to 1")


class RandAugment(v2.RandAugment):
    """torchvision's RandAugment on timm's scale of strength, 0 to 10, drawn from a normal distribution.

    (9, 0.5) is timm's ``rand-m9-mstd0.5``. torchvision's own magnitude 9 is of 30.
    """

    _BINS = 301

    def __init__(self, ops: int, magnitude: float, deviation: float) -> None:
        super().__init__(1, 0, num_magnitude_bins=self._BINS, interpolation=v2.InterpolationMode.BILINEAR)
        self.ops, self.mean, self.deviation = ops, magnitude, deviation

    def forward(self, clip: Tensor) -> Tensor:
        for _ in range(self.ops):
            drawn = self.mean + self.deviation * torch.randn(()).item()
            self.magnitude = round(min(10.0, max(0.0, drawn)) / 10 * (self._BINS - 1))
            clip = super().forward(clip)
        return clip


def train_transform(
    size: tuple[int, int], mean: Sequence[float], std: Sequence[float], augmentation: Augmentation
) -> Transform:
    """RandAugment, random resized crop, normalisation, random erasing.

    (T, 3, H, W) uint8 -> (3, T, h, w) float32. The flip comes after them, where the label is: see VideoDataset.

    Args:
        size: height and width of the result, in pixels.
        mean, std: per colour channel, of pixels in [0, 1].
        augmentation: what is drawn.
    """
    a = augmentation
    steps: list[Transform] = [v2.RandomResizedCrop(size, scale=a.scale, ratio=a.ratio, antialias=True)]
    if a.rand_ops:
        steps.insert(0, RandAugment(a.rand_ops, a.rand_magnitude, a.rand_deviation))
    to_float, normalise, frames_second = _to_input(mean, std)
    erase = [v2.RandomErasing(a.erase)] if a.erase else []
    return v2.Compose([*steps, to_float, normalise, *erase, frames_second])


def eval_transform(size: tuple[int, int], mean: Sequence[float], std: Sequence[float], *, crops: int = 1) -> Transform:
    """Parts of every frame that have the model's shape, resized to ``size`` and normalised.

    (T, 3, H, W) uint8 -> (3, T, h, w) float32, or (crops, 3, T, h, w). Nothing is squeezed: the picture is scaled until
    it covers ``size``; one crop is its central part, several are spread evenly along the longer way.
    """
    height, width = size
    to_input = v2.Compose(_to_input(mean, std))

    def cover(frames: Tensor) -> Tensor:
        h, w = frames.shape[-2:]
        scale = max(height / h, width / w)
        covering = [max(height, round(h * scale)), max(width, round(w * scale))]
        return v2.functional.resize(frames, covering, antialias=True)

    if crops == 1:
        return v2.Compose([cover, v2.CenterCrop(size), to_input])

    def several(frames: Tensor) -> Tensor:
        picture = cover(frames)
        room_h, room_w = picture.shape[-2] - height, picture.shape[-1] - width
        shares = [i / (crops - 1) for i in range(crops)]
        corners = [(round(room_h * share), round(room_w * share)) for share in shares]
        return torch.stack([to_input(v2.functional.crop(picture, top, left, height, width)) for top, left in corners])

    return several


def _to_input(mean: Sequence[float], std: Sequence[float]) -> list[Transform]:
    return [v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(mean), list(std)), _frames_second]


def _frames_second(frames: Tensor) -> Tensor:
    return frames.transpose(0, 1).contiguous()
