"""From decoded frames to the model's input: torchvision's transforms, applied to a clip as a whole.

A transform draws once for all frames of a clip: they are one tensor to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms import v2

from videomamba.data.randaugment import RandAugment
from videomamba.errors import UserError
from videomamba.preprocessing import Preprocessing

Transform = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Augmentation:
    """What training clips go through, each draw once for all frames of a clip.

    Attributes:
        flip: turn every second clip, on average, left to right; wrong where left and right tell classes apart.
        flip_pairs: classes that change places in a mirror image, such as SSV2's "from left to right" and "from right to
            left": a clip that is turned gets the other one.
        scale: range of the crop's part of the picture's area.
        ratio: range of the crop's width over its height, before it is resized.
        rand_ops: operations of RandAugment (arXiv 1909.13719) on a clip; 0 for none.
        rand_magnitude: their strength, 0 to 10 (the most).
        rand_deviation: of the normal distribution that each operation's strength is drawn from.
        rand_prob: chance that an operation is carried out; in timm's ``rand-`` strings it is 0.5.
        erase: chance that a rectangle of the clip, the same in all frames, is blanked (arXiv 1708.04896).

    Raises:
        UserError: a value outside its range.
    """

    flip: bool = True
    flip_pairs: tuple[tuple[str, str], ...] = ()
    scale: tuple[float, float] = (0.5, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    rand_ops: int = 0
    rand_magnitude: float = 9.0
    rand_deviation: float = 0.0
    rand_prob: float = 1.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        low, high = self.scale
        if not 0 < low <= high <= 1:
            raise UserError(f"scale={self.scale}; expected 0 < least <= most <= 1")
        if self.rand_ops < 0 or not 0 <= self.rand_magnitude <= 10 or self.rand_deviation < 0:
            raise UserError(
                f"rand_ops={self.rand_ops}, rand_magnitude={self.rand_magnitude}, rand_deviation="
                f"{self.rand_deviation}; expected at least 0, 0 to 10, at least 0"
            )
        for name, chance in (("rand_prob", self.rand_prob), ("erase", self.erase)):
            if not 0 <= chance <= 1:
                raise UserError(f"{name}={chance}; expected a chance from 0 to 1")


# the paper's, as far as it is given (supplement, Table S3); videomamba/recipes/table_s3.py says what is ours in it
TABLE_S3 = Augmentation(
    scale=(0.08, 1.0), rand_ops=2, rand_magnitude=9.0, rand_deviation=0.5, rand_prob=0.5, erase=0.25
)


def train_transform(preprocessing: Preprocessing, augmentation: Augmentation) -> Transform:
    """Random resized crop, RandAugment, normalisation, random erasing: timm's order for images.

    (T, 3, H, W) uint8 -> (3, T, h, w) float32. RandAugment comes after the crop, where there are fewer pixels; the flip
    comes after all of them, where the label is: see VideoDataset.

    Args:
        preprocessing: of the model that is trained.
        augmentation: what is drawn.
    """
    p, a = preprocessing, augmentation
    steps: list[Transform] = [_RandomResizedCrop(p.size, scale=a.scale, ratio=a.ratio, antialias=True)]
    if a.rand_ops:
        steps.append(RandAugment(a.rand_ops, a.rand_magnitude, a.rand_deviation, a.rand_prob))
    steps.append(_ToInput(p.mean, p.std))
    if a.erase:
        steps.append(v2.RandomErasing(a.erase, inplace=True))
    return v2.Compose(steps)


def eval_transform(preprocessing: Preprocessing, *, crops: int = 1) -> Transform:
    """Parts of every frame that have the model's shape, resized to its size and normalised.

    (T, 3, H, W) uint8 -> (3, T, h, w) float32, or (crops, 3, T, h, w). Nothing is squeezed: the picture is scaled until
    it covers that size; one crop is its central part, several are spread evenly along the longer way.
    """
    to_input = input_transform(preprocessing)
    if crops == 1:
        return v2.Compose([pixel_transform(preprocessing), to_input])
    return v2.Compose([_cover(preprocessing), _Views(preprocessing.size, crops, to_input)])


def pixel_transform(preprocessing: Preprocessing) -> Transform:
    """The first half of :func:`eval_transform`: (T, 3, H, W) uint8 -> (T, 3, h, w) uint8, the central part."""
    return v2.Compose([_cover(preprocessing), v2.CenterCrop(preprocessing.size)])


def _cover(preprocessing: Preprocessing) -> "_Cover":
    height, width = (int(pixels / preprocessing.crop) for pixels in preprocessing.size)
    return _Cover((height, width), v2.InterpolationMode(preprocessing.interpolation))


def input_transform(preprocessing: Preprocessing) -> Transform:
    """The second half: (..., T, 3, h, w) uint8 -> (..., 3, T, h, w) float32, normalised, on the frames' device."""
    return _ToInput(preprocessing.mean, preprocessing.std)


# classes, not closures: worker processes that are not forks get them pickled


class _RandomResizedCrop(v2.RandomResizedCrop):
    """torchvision's; of a part that is no slice, which PyTorch resizes in two thirds of the time."""

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        part = v2.functional.crop(inpt, **params).contiguous(memory_format=torch.channels_last)
        return v2.functional.resize(part, self.size, self.interpolation, antialias=self.antialias)


class _Cover:
    """Scales a picture until it covers ``size``."""

    def __init__(self, size: tuple[int, int], interpolation: v2.InterpolationMode) -> None:
        self.size, self.interpolation = size, interpolation

    def __call__(self, frames: Tensor) -> Tensor:
        (height, width), (h, w) = self.size, frames.shape[-2:]
        scale = max(height / h, width / w)
        covering = [max(height, round(h * scale)), max(width, round(w * scale))]
        return v2.functional.resize(frames, covering, self.interpolation, antialias=True)


class _Views:
    """Crops of ``size``, from one end of a picture that covers it to the other, in a new first axis."""

    def __init__(self, size: tuple[int, int], crops: int, to_input: Transform) -> None:
        self.size, self.crops, self.to_input = size, crops, to_input

    def __call__(self, picture: Tensor) -> Tensor:
        height, width = self.size
        room_h, room_w = picture.shape[-2] - height, picture.shape[-1] - width
        shares = [i / (self.crops - 1) for i in range(self.crops)]
        corners = [(round(room_h * share), round(room_w * share)) for share in shares]
        crops = [v2.functional.crop(picture, top, left, height, width) for top, left in corners]
        return torch.stack([self.to_input(crop) for crop in crops])


class _ToInput:
    """(..., T, 3, H, W) uint8 -> (..., 3, T, H, W) float32: (x / 255 - mean) / std, as one product and one sum."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        deviation = 255 * torch.tensor(std, dtype=torch.float64)
        self.shift = (-torch.tensor(mean, dtype=torch.float64) * 255 / deviation).float()[:, None, None, None]
        self.scale = (1 / deviation).float()[:, None, None, None]

    def __call__(self, frames: Tensor) -> Tensor:
        moved = frames.transpose(-4, -3)
        video = frames.new_empty(moved.shape, dtype=torch.float32)
        return video.copy_(moved).mul_(self.scale.to(video.device)).add_(self.shift.to(video.device))
