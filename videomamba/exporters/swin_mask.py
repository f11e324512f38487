"""Masks of Video Swin's shifted windows in few operations, while a model is traced.

torchvision fills a mask with 27 assignments to slices in each shifted block; traced, each is some ten operations on the
whole mask, and exporting them takes longer than all the rest.
"""

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torchvision.models.video import swin_transformer

HIDDEN = -100.0  # torchvision's, added to what the softmax is taken of


@contextlib.contextmanager
def short_masks() -> Iterator[None]:
    """torchvision's Video Swin makes its masks by :func:`attention_mask`."""
    theirs = swin_transformer._compute_attention_mask_3d
    swin_transformer._compute_attention_mask_3d = attention_mask
    try:
        yield
    finally:
        swin_transformer._compute_attention_mask_3d = theirs


def attention_mask(x: Tensor, size: Sequence[int], window: Sequence[int], shift: Sequence[int]) -> Tensor:
    """What is added in each window, (windows, tokens, tokens): 0 between tokens that were neighbours before the shift.

    Args:
        x: whose dtype and device.
        size: of the padded map of tokens, (T, H, W).
        window, shift: of the same axes.
    """
    regions = x.new_zeros(1, 1, 1)
    for axis in range(3):
        place = torch.arange(size[axis], device=x.device)
        region = torch.zeros_like(place)
        if shift[axis] > 0:  # what was rolled around, and the rest of the last window, are regions of their own
            region = (place >= size[axis] - window[axis]).int() + (place >= size[axis] - shift[axis]).int()
        regions = 3 * regions + region.to(x.dtype).view([-1 if i == axis else 1 for i in range(3)])
    counts = [n // w for n, w in zip(size, window, strict=True)]
    parts = [length for pair in zip(counts, window, strict=True) for length in pair]
    regions = regions.view(parts).permute(0, 2, 4, 1, 3, 5).reshape(counts[0] * counts[1] * counts[2], -1)
    return (regions.unsqueeze(1) != regions.unsqueeze(2)).to(x.dtype) * HIDDEN
