"""Position embeddings: the paper's six kinds, and how a learned table is resized to another grid.

A table covers the patch tokens as (t, h, w, d); the model adds a separate slot for the class token.
"""

import math
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

PositionKind = Literal[
    "temporal_expansion", "spatial_interpolation", "embed_dim_interpolation", "random", "sinusoidal", "none"
]
POSITION_KINDS: tuple[str, ...] = get_args(PositionKind)
LEARNED_KINDS = POSITION_KINDS[:4]


def from_image_table(kind: str, image_table: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """An image model's table P_image (h', w', d) as a video table (t, h, w, d), by one of the ways of S4.2.

    ``temporal_expansion`` repeats it for each frame. ``spatial_interpolation`` resizes it bicubically to the tall
    picture (t h) x w, read row by row in token order. ``embed_dim_interpolation`` stretches each vector linearly from
    d to d t, read as (d, t): frame i takes every t-th value from the i-th on. A P_image of another size is resized
    bicubically first.
    """
    t, h, w = grid
    if kind == "spatial_interpolation":
        return _resize_pictures(image_table[None], (t * h, w)).unflatten(1, (t, h))[0]
    picture = resize_table(image_table[None], (1, h, w))
    if kind == "temporal_expansion":
        return picture.repeat(t, 1, 1, 1)
    assert kind == "embed_dim_interpolation", kind
    d = picture.shape[-1]
    stretched = F.interpolate(picture.reshape(1, h * w, d), size=d * t, mode="linear")
    return stretched.view(h, w, d, t).permute(3, 0, 1, 2).contiguous()


def initial_table(kind: str, grid: tuple[int, int, int], dim: int) -> Tensor:
    """A fresh (t, h, w, d) table: learned kinds start from a truncated normal of deviation 0.02.

    Without an image model the three kinds made of P_image start from a random P_image, so they differ from ``random``
    in what the frames share.
    """
    t, h, w = grid
    if kind == "sinusoidal":
        return sinusoidal_table(t * h * w, dim).view(t, h, w, dim)
    assert kind in LEARNED_KINDS, kind
    table = torch.nn.init.trunc_normal_(torch.empty(t if kind == "random" else 1, h, w, dim), std=0.02)
    return table if kind == "random" else from_image_table(kind, table[0], grid)


def sinusoidal_table(length: int, dim: int, first: int = 0) -> Tensor:
    """(L, d) sines (even channels) and cosines (odd) of the token's place; "Attention is all you need", section 3.5.

    The places are ``first``, ``first + 1``, ...
    """
    place = torch.arange(first, first + length, dtype=torch.float64)[:, None]
    wavelength = torch.exp(torch.arange(0, dim, 2, dtype=torch.float64) * (-math.log(10000.0) / dim))
    table = torch.zeros(length, dim, dtype=torch.float64)
    table[:, 0::2] = torch.sin(place * wavelength)
    table[:, 1::2] = torch.cos(place * wavelength)[:, : dim // 2]
    return table.float()


def resize_table(table: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """A learned (t, h, w, d) table on another grid: bicubic in space, linear in time, unchanged on the same grid."""
    t, h, w = grid
    if table.shape[1:3] != (h, w):
        table = _resize_pictures(table, (h, w))
    if table.shape[0] != t:
        flat = table.flatten(1).T[None]  # (1, h w d, t)
        table = F.interpolate(flat, size=t, mode="linear")[0].T.reshape(t, h, w, -1)
    return table


def _resize_pictures(table: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(table.permute(0, 3, 1, 2), size=size, mode="bicubic").permute(0, 2, 3, 1)
