"""Weights of one configuration fitted to another: more frames, other sizes, an image model's to a video model."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args

import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.models.config import ModelConfig, VideoMambaConfig
from videomamba.nn.position import LEARNED_KINDS, from_image_table, initial_table, resize_table

Inflation = Literal["mean", "centre"]
C = TypeVar("C", bound=ModelConfig)
INFLATIONS: tuple[str, ...] = get_args(Inflation)

_BACKBONE = ("embed_dim", "depth", "patch_size", "d_state", "d_conv", "expand")
_POSITIONS, _PATCHES, _HEAD = "pos_embed", "patch_embed.proj.weight", ("head.weight", "head.bias")


def fit_weights(
    weights: Mapping[str, Tensor], old: VideoMambaConfig, new: VideoMambaConfig, *, inflation: str = "mean"
) -> dict[str, Tensor]:
    """The weights of a model ``old`` for a model ``new``; what must start afresh (a head of other size) is left out.

    Raises:
        UserError: the two differ in what no fitting can change, such as the width; the line names it.
    """
    for name in _BACKBONE:
        has, wants = getattr(old, name), getattr(new, name)
        if has != wants:
            raise UserError(f"the checkpoint has {name}={has} and cannot be fitted to {name}={wants}")
    fitted = dict(weights)
    fitted[_PATCHES] = fit_patches(weights[_PATCHES], new.tubelet_size, inflation)
    positions = fit_positions(fitted.pop(_POSITIONS, None), old, new)
    if positions is not None:
        fitted[_POSITIONS] = positions
    if old.num_classes != new.num_classes:
        for name in _HEAD:
            fitted.pop(name, None)
    return fitted


def fit_patches(kernel: Tensor, tubelet_size: int, inflation: str = "mean") -> Tensor:
    """A (d, 3, k, p, p) kernel for tubelets of another length, so that a still video gives the same tokens.

    The kernel is spread over time: each new frame gets the part of the old ones that it overlaps. From an image's
    k = 1 that is the mean inflation, the kernel repeated and divided by the tubelet's length; ``centre`` puts it into
    the middle frame, index ``tubelet_size // 2``, as OpenGVLab's code does, and zeros elsewhere.

    Raises:
        UserError: unknown ``inflation``.
    """
    if inflation not in INFLATIONS:
        raise UserError(f"unknown inflation {inflation!r}; choose one of {', '.join(INFLATIONS)}")
    length = kernel.shape[2]
    if length == tubelet_size:
        return kernel
    share = torch.zeros(tubelet_size, length, dtype=torch.float64)
    if inflation == "centre" and length == 1:
        share[tubelet_size // 2] = 1
    else:
        new = torch.arange(tubelet_size + 1, dtype=torch.float64) / tubelet_size
        old = torch.arange(length + 1, dtype=torch.float64) / length
        overlap = torch.minimum(new[1:, None], old[1:]) - torch.maximum(new[:-1, None], old[:-1])
        share = overlap.clamp(min=0) * length
    return torch.einsum("ij,dcjhw->dcihw", share.to(kernel), kernel).contiguous()


def fit_positions(positions: Tensor | None, old: VideoMambaConfig, new: VideoMambaConfig) -> Tensor | None:
    """Learned positions (1, L, d) on another grid, the class token's slot untouched at its new place.

    One frame's table becomes a video's in the way that ``new.pos_embed`` names (supplement, S4.2), where ``random``
    means a fresh table; a video's table is resized, bicubically in space and linearly in time. None where either model
    learns no positions.
    """
    if positions is None or new.pos_embed not in LEARNED_KINDS:
        return None
    slot, table = split_positions(positions, old)
    precise = table.float() if table.dtype != torch.float64 else table
    if old.grid[0] > 1 or new.grid[0] == 1:
        precise = resize_table(precise, new.grid)
    elif new.pos_embed == "random":
        precise = initial_table("random", new.grid, new.embed_dim)
    else:
        precise = from_image_table(new.pos_embed, precise[0], new.grid)
    return join_positions(slot, precise.to(table), new)


def split_positions(positions: Tensor, config: VideoMambaConfig) -> tuple[Tensor, Tensor]:
    """The class token's slot (1, d) and the (t, h, w, d) table of positions (1, L, d)."""
    index = config.cls_index
    patches = torch.cat([positions[0, :index], positions[0, index + 1 :]])
    return positions[0, index : index + 1], patches.unflatten(0, config.grid)


def join_positions(slot: Tensor, table: Tensor, config: VideoMambaConfig) -> Tensor:
    """Positions (1, L, d) with the class token's slot (1, d) at its place in the (t, h, w, d) table."""
    patches, index = table.flatten(0, 2), config.cls_index
    return torch.cat([patches[:index], slot, patches[index:]])[None]


def fitted_config(config: C, **changes: Any) -> C:
    """The configuration with some fields changed.

    Raises:
        UserError: a field that is not there, or a value that no model can have.
    """
    known = [field.name for field in dataclasses.fields(config)]
    unknown = sorted(set(changes) - set(known))
    if unknown:
        raise UserError(f"unknown option {', '.join(unknown)}; known are {', '.join(known)}")
    return dataclasses.replace(config, **changes)
