"""The order in which the backward direction visits the tokens (the paper's three candidates)."""

from typing import Literal, get_args

import torch
from torch import Tensor

from videomamba.errors import UserError

BackwardOrder = Literal["spatio_temporal", "spatial", "temporal"]
BACKWARD_ORDERS: tuple[str, ...] = get_args(BackwardOrder)


def backward_order(kind: str, grid: tuple[int, int, int], cls_index: int) -> Tensor | None:
    """The (L,) int64 permutation of a backward direction, or None for a plain flip of the sequence.

    ``spatio_temporal`` reverses everything; ``spatial`` reverses the tokens of each frame and keeps the frames in
    order; ``temporal`` reverses the frames and keeps the tokens of each in order. The class token takes the mirrored
    position: a class token in front is visited last in every order, so that it sees all others. Only in ``spatial``
    does a class token behind the frames stay behind them: no frame then sees a later one.

    Args:
        kind: one of ``BACKWARD_ORDERS``.
        grid: (t, h, w) of the patch tokens.
        cls_index: place of the class token in the sequence.

    Raises:
        UserError: unknown kind.
    """
    if kind not in BACKWARD_ORDERS:
        raise UserError(f"unknown backward_order {kind!r}; choose one of {', '.join(BACKWARD_ORDERS)}")
    if kind == "spatio_temporal":
        return None
    t, h, w = grid
    frames = torch.arange(t * h * w).view(t, h * w)
    patches = frames.flip(1 if kind == "spatial" else 0).flatten()
    patches = patches + (patches >= cls_index)  # leave room for the class token
    stays = kind == "spatial" and cls_index == len(patches)
    mirrored = cls_index if stays else len(patches) - cls_index
    return torch.cat([patches[:mirrored], torch.tensor([cls_index]), patches[mirrored:]])
