"""Own pixel operations, where torchvision's would make a training sample more than 5 % slower."""

import torch
from torch import Tensor


def shift(frames: Tensor, pixels: int, dim: int) -> Tensor:
    """Frames moved by whole pixels along ``dim``, black where nothing was; ``affine`` samples a grid for the same."""
    moved = torch.zeros_like(frames)
    kept = frames.shape[dim] - abs(pixels)
    if kept > 0:
        moved.narrow(dim, max(0, pixels), kept).copy_(frames.narrow(dim, max(0, -pixels), kept))
    return moved
