"""From decoded frames to the model's input: torchvision's transforms, applied to a clip as a whole.

A transform draws once for all frames of a clip: they are one tensor to it.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torchvision.transforms import v2

Transform = Callable[[Tensor], Tensor]


def train_transform(
    size: tuple[int, int],
    mean: Sequence[float],
    std: Sequence[float],
    *,
    flip: bool = True,
    scale: tuple[float, float] = (0.5, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    randaugment: int = 0,
) -> Transform:
    """One of RandAugment's operations, random resized crop, horizontal flip, normalisation.

    (T, 3, H, W) uint8 -> (3, T, h, w) float32.

    Args:
        size: height and width of the result, in pixels.
        mean, std: per colour channel, of pixels in [0, 1].
        flip: turn every second clip, on average, left to right; wrong where left and right tell classes apart.
        scale: range of the crop's part of the picture's area.
        ratio: range of the crop's width over its height, before it is resized.
        randaugment: strength of one operation drawn from RandAugment's list (arXiv 1909.13719), 1 to 30; 0 for none.
    """
    steps: list[Transform] = [v2.RandomResizedCrop(size, scale=scale, ratio=ratio, antialias=True)]
    if randaugment:
        steps.insert(0, v2.RandAugment(1, randaugment, interpolation=v2.InterpolationMode.BILINEAR))
    if flip:
        steps.append(v2.RandomHorizontalFlip())
    return v2.Compose([*steps, *_to_input(mean, std)])


def eval_transform(size: tuple[int, int], mean: Sequence[float], std: Sequence[float]) -> Transform:
    """The central part of every frame that has the model's shape, resized to ``size`` and normalised.

    (T, 3, H, W) uint8 -> (3, T, h, w) float32. Nothing is squeezed: the picture is scaled until it covers ``size``.
    """
    height, width = size

    def cover(frames: Tensor) -> Tensor:
        h, w = frames.shape[-2:]
        scale = max(height / h, width / w)
        covering = [max(height, round(h * scale)), max(width, round(w * scale))]
        return v2.functional.resize(frames, covering, antialias=True)

    return v2.Compose([cover, v2.CenterCrop(size), *_to_input(mean, std)])


def _to_input(mean: Sequence[float], std: Sequence[float]) -> list[Transform]:
    return [v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(mean), list(std)), _frames_second]


def _frames_second(frames: Tensor) -> Tensor:
    return frames.transpose(0, 1).contiguous()
