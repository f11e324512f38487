"""Frames and boxes through the same crop, flip and resize: torchvision's v2 transforms, one draw for both."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from videomamba.data.transforms import Augmentation
from videomamba.errors import UserError

STEP = 16  # pixels; pictures that are tested whole get sides that this divides, as patches do

# frames (T, 3, H, W) uint8 and boxes (N, 4) as fractions of the picture -> video (3, T, h, w) float32, boxes in pixels
BoxTransform = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def train_box_transform(
    size: tuple[int, int], mean: Sequence[float], std: Sequence[float], augmentation: Augmentation
) -> BoxTransform:
    """Random resized crop and flip, normalisation, random erasing. Boxes are cut off at the crop's sides; one that lies
    outside is left without area.

    Args:
        size: height and width of the result, in pixels.
        mean, std: per colour channel, of pixels in [0, 1].
        augmentation: what is drawn; its ``ratio`` is that of the crop's shape to ``size``'s, so that 1 stretches
            nothing.

    Raises:
        UserError: RandAugment is asked for: its rotations and shears would leave boxes behind.
    """
    a = augmentation
    if a.rand_ops:
        raise UserError(f"rand_ops={a.rand_ops}; RandAugment turns and shears pictures, which boxes cannot follow")
    shape = size[1] / size[0]
    ratio = (a.ratio[0] * shape, a.ratio[1] * shape)
    geometry: list[v2.Transform] = [v2.RandomResizedCrop(size, scale=a.scale, ratio=ratio, antialias=True)]
    if a.flip:
        geometry.append(v2.RandomHorizontalFlip())
    erase = [v2.RandomErasing(a.erase)] if a.erase else []
    pixels = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(mean), list(std)), *erase])
    return partial(_apply, v2.Compose(geometry), pixels)


def whole_picture_transform(side: int, mean: Sequence[float], std: Sequence[float]) -> BoxTransform:
    """The whole picture, its short side ``side`` pixels, its long side in proportion; both rounded to whole patches.

    That is a resize, not a padding: at most 8 pixels of stretch, and no patch without picture for the scan to run over.
    """

    pixels = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(mean), list(std))])
    return partial(_apply, partial(_whole_patches, side), pixels)


def _whole_patches(
    side: int, frames: tv_tensors.Video, boxes: tv_tensors.BoundingBoxes
) -> tuple[tv_tensors.Video, tv_tensors.BoundingBoxes]:
    height, width = frames.shape[-2:]
    scale = side / min(height, width)
    shape = [max(STEP, round(length * scale / STEP) * STEP) for length in (height, width)]
    return v2.Resize(shape, antialias=True)(frames, boxes)


def _apply(
    geometry: Callable[..., tuple[Tensor, Tensor]], pixels: Callable[[Tensor], Tensor], frames: Tensor, boxes: Tensor
) -> tuple[Tensor, Tensor]:
    height, width = frames.shape[-2:]
    scaled = boxes.reshape(-1, 4).float() * torch.tensor([width, height, width, height])
    moved, followed = geometry(
        tv_tensors.Video(frames), tv_tensors.BoundingBoxes(scaled, format="XYXY", canvas_size=(height, width))
    )
    followed = v2.functional.clamp_bounding_boxes(followed)
    video = pixels(moved.as_subclass(Tensor)).transpose(0, 1).contiguous()
    return video, followed.as_subclass(Tensor)


def jittered(boxes: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Boxes (N, 4) as fractions, each side moved by up to ``share`` of the box's extent, inside the picture."""
    width_height = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    moves = (2 * torch.rand(boxes.shape, generator=generator) - 1) * share
    return (boxes + moves * width_height).clamp(0, 1)
