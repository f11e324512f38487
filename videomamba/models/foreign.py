"""Checkpoints of Vim and of OpenGVLab's VideoMamba: the same block under other names, read exactly.

Vim (hustvl/Vim, ``vim_*_midclstok*``): image models; the class token stands in the middle, and the two directions'
sum is halved, which goes into ``out_proj`` here. OpenGVLab (``videomamba_{t,s,m}16_*``): image and video models; the
class token comes first, and the video's position table is a sum over space and time, written out here.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.labels import class_names
from videomamba.models.config import VideoMambaConfig
from videomamba.models.folder import Checkpoint
from videomamba.preprocessing import Preprocessing

Origin = Literal["vim", "opengvlab"]
ORIGINS: tuple[str, ...] = get_args(Origin)
_TITLES = {"vim": "Vim", "opengvlab": "OpenGVLab VideoMamba"}
NAMED_OUTPUTS = {1000: "imagenet1k", 400: "k400", 174: "ssv2"}
_STRIDE_8_SLOTS = 27 * 27 + 1  # of Vim's files that were fine-tuned on 224 pixels at stride 8
_TEMPORAL = "temporal_pos_embedding"
# what the configuration is read from
_RANKS = {"pos_embed": 3, _TEMPORAL: 3, "head.weight": 2, "layers.0.mixer.A_log": 2, "layers.0.mixer.conv1d.weight": 3}


def is_foreign(weights: Mapping[str, Tensor]) -> bool:
    """Whether these names are at all those of Vim and OpenGVLab."""
    return any(name.startswith("layers.") for name in weights) and "pos_embed" in weights


def from_foreign(
    weights: Mapping[str, Tensor],
    file: Path,
    *,
    origin: str | None = None,
    model_name: str | None = None,
    patch_stride: int | None = None,
) -> Checkpoint:
    """A checkpoint of ours from the tensors of a Vim or OpenGVLab file; equal outputs, its configuration inferred.

    Args:
        weights: tensors by their own names, float32.
        file: where they come from; its name may tell Vim's image files from OpenGVLab's.
        origin: ``vim`` or ``opengvlab``, where the file does not tell.
        model_name: of the code that wrote the file, if the file says.
        patch_stride: of overlapping patches, which shapes cannot tell from a larger picture.

    Raises:
        UserError: names or shapes of no such model (the first ones are given), or a question that only the caller can
            answer, with the option that does.
    """
    weights = _without_decoder(weights)
    _check_names(weights, file)
    origin, why = _origin(weights, file, origin, model_name)
    if patch_stride is None:
        patch_stride = _stride_in(model_name)
    config = _config(weights, file, origin, patch_stride)
    _check_shapes(weights, file, config)
    names = NAMED_OUTPUTS.get(config.num_classes)
    preprocessing = Preprocessing(num_frames=config.num_frames, size=config.height_width)
    return Checkpoint(
        config,
        _renamed(weights, config, halved=origin == "vim"),
        None if names is None else class_names(names),
        preprocessing,
        source=f"{file.name}: {_TITLES[origin]}, {'image' if config.num_frames == 1 else 'video'} model ({why})",
        path=file,
    )


def _without_decoder(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Masked pretraining's files: their decoder left out, their last norm under the usual name."""
    if not any(name.startswith("clip_decoder.") for name in weights):
        return dict(weights)
    kept = {name: value for name, value in weights.items() if not name.startswith(("clip_decoder.", "clip_pos_embed"))}
    return {"norm_f.weight" if name == "norm.weight" else name: value for name, value in kept.items()}


def _check_names(weights: Mapping[str, Tensor], file: Path) -> None:
    blocks = [int(match[1]) for name in weights if (match := re.match(r"layers\.(\d+)\.", name))]
    expected = {"cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias", "norm_f.weight"}
    expected |= {f"layers.{i}.{name}" for i in range(max(blocks, default=0) + 1) for name in _BLOCK_NAMES}
    patches = weights.get("patch_embed.proj.weight")
    if patches.dim() == 5 if patches is not None else _TEMPORAL in weights:
        expected.add(_TEMPORAL)
    if any(name.startswith("head.") for name in weights):
        expected |= {"head.weight", "head.bias"}
    missing, unexpected = sorted(expected - weights.keys(), key=_natural), sorted(weights.keys() - expected)
    if missing or unexpected:
        parts = [
            f"{what} {', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"
            for what, names in (("missing", missing), ("unexpected", unexpected))
            if names
        ]
        raise UserError(f"{file} is not a whole Vim or OpenGVLab VideoMamba checkpoint: {'; '.join(parts)}")


def _origin(weights: Mapping[str, Tensor], file: Path, origin: str | None, model_name: str | None) -> tuple[str, str]:
    """Whose file it is, and how that is known."""
    if origin is not None and origin not in ORIGINS:
        raise UserError(f"unknown origin {origin!r}; choose one of {', '.join(ORIGINS)}")
    if _TEMPORAL in weights:
        if origin == "vim":
            raise UserError(f"{file} has {_TEMPORAL}: it is a video model of OpenGVLab's, not Vim's")
        return "opengvlab", f"it has {_TEMPORAL}"
    if origin is not None:
        return origin, "as told"
    for name, what in ((model_name, "model name"), (file.name, "file name")):
        name = (name or "").lower()
        if "midclstok" in name or re.search(r"(?<![a-z])vim(?![a-z])", name):
            return "vim", f"by its {what}"
        if "videomamba" in name:
            return "opengvlab", f"by its {what}"
    return _origin_by_table(weights["pos_embed"])


def _origin_by_table(positions: Tensor) -> tuple[str, str]:
    """Trained patch positions change little from one to the next; the class token's slot stands out where it lies."""
    table, middle = positions[0], (positions.shape[1] - 1) // 2
    if not 0 < middle < len(table) - 1:
        return "vim", "a guess; --origin opengvlab says otherwise"
    first = (table[0] - table[1]).norm()
    centre = torch.minimum((table[middle] - table[middle - 1]).norm(), (table[middle] - table[middle + 1]).norm())
    if first > 2 * centre:
        return "opengvlab", "the class token's slot stands out in front; --origin vim says otherwise"
    if centre > 2 * first:
        return "vim", "the class token's slot stands out in the middle; --origin opengvlab says otherwise"
    return "vim", "a guess; --origin opengvlab says otherwise"


def _stride_in(model_name: str | None) -> int | None:
    match = re.search(r"stride(\d+)", model_name or "")
    return int(match[1]) if match else None


def _config(weights: Mapping[str, Tensor], file: Path, origin: str, patch_stride: int | None) -> VideoMambaConfig:
    for name, rank in _RANKS.items():
        if name in weights and weights[name].dim() != rank:
            raise UserError(f"{file}: {name} has shape {tuple(weights[name].shape)}; expected {rank} axes")
    kernel = weights["patch_embed.proj.weight"]
    if kernel.dim() not in (4, 5) or kernel.shape[-1] != kernel.shape[-2] or kernel.shape[1] != 3:
        raise UserError(f"{file}: patch_embed.proj.weight has shape {tuple(kernel.shape)}; expected (d, 3, [t,] p, p)")
    patch, tubelet = kernel.shape[-1], kernel.shape[2] if kernel.dim() == 5 else 1
    slots = weights["pos_embed"].shape[1]
    side = math.isqrt(slots - 1)
    if side < 1 or side * side != slots - 1:
        raise UserError(f"{file}: pos_embed has {slots} slots, which is no square of patches and a class token")
    if patch_stride is None and origin == "vim" and slots == _STRIDE_8_SLOTS:
        raise UserError(
            f"{file}: pos_embed has {slots} slots, {side} x {side} patches: 224 pixels at stride 8, as in Vim's "
            f"fine-tuned files, or {side * patch} pixels at stride {patch}; shapes cannot tell, so run `videomamba "
            f"convert` with --patch-stride 8 or {patch}"
        )
    stride = patch if patch_stride is None else patch_stride
    if not 1 <= stride <= patch:
        raise UserError(f"patch stride {stride}; it must be at least 1 and at most the patch's {patch} pixels")
    inner, states = weights["layers.0.mixer.A_log"].shape[0], weights["layers.0.mixer.A_log"].shape[-1]
    depth = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
    width = kernel.shape[0]
    return VideoMambaConfig(
        num_frames=weights[_TEMPORAL].shape[1] * tubelet if _TEMPORAL in weights else 1,
        img_size=(side - 1) * stride + patch,
        num_classes=len(weights["head.weight"]) if "head.weight" in weights else 0,
        embed_dim=width,
        depth=depth,
        tubelet_size=tubelet,
        patch_size=patch,
        patch_stride=None if stride == patch else stride,
        cls_position="middle" if origin == "vim" else "first",
        d_state=states,
        d_conv=weights["layers.0.mixer.conv1d.weight"].shape[-1],
        expand=max(1, inner // width),
    )


def _check_shapes(weights: Mapping[str, Tensor], file: Path, config: VideoMambaConfig) -> None:
    d, k, n = config.embed_dim, config.d_conv, config.d_state
    inner, rank = config.expand * d, math.ceil(d / 16)
    t, h, w = config.grid
    kernel = (config.patch_size,) * 2 if _TEMPORAL not in weights else (config.tubelet_size, *(config.patch_size,) * 2)
    direction = {
        "conv1d{}.weight": (inner, 1, k),
        "conv1d{}.bias": (inner,),
        "x_proj{}.weight": (rank + 2 * n, inner),
        "dt_proj{}.weight": (inner, rank),
        "dt_proj{}.bias": (inner,),
        "A{}_log": (inner, n),
        "D{}": (inner,),
    }
    block = {"norm.weight": (d,), "mixer.in_proj.weight": (2 * inner, d), "mixer.out_proj.weight": (d, inner)}
    block |= {f"mixer.{name.format(b)}": shape for name, shape in direction.items() for b in ("", "_b")}
    assert block.keys() == _BLOCK_NAMES.keys()
    expected: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, d),
        "pos_embed": (1, h * w + 1, d),
        _TEMPORAL: (1, t, d),
        "patch_embed.proj.weight": (d, 3, *kernel),
        "patch_embed.proj.bias": (d,),
        "norm_f.weight": (d,),
        "head.weight": (config.num_classes, d),
        "head.bias": (config.num_classes,),
    }
    expected |= {f"layers.{i}.{name}": shape for i in range(config.depth) for name, shape in block.items()}
    for name, value in weights.items():
        if tuple(value.shape) != expected[name]:
            raise UserError(
                f"{file}: {name} has shape {tuple(value.shape)}, where the other tensors make it {expected[name]}"
            )


def _block_names() -> dict[str, str]:
    """A block's tensors: their name there, and ours."""
    names = {name: name for name in ("norm.weight", "mixer.in_proj.weight", "mixer.out_proj.weight")}
    for suffix, ours in (("", "forward_ssm"), ("_b", "backward_ssm")):
        for theirs in ("conv1d{}.weight", "conv1d{}.bias", "x_proj{}.weight", "dt_proj{}.weight", "dt_proj{}.bias"):
            names[f"mixer.{theirs.format(suffix)}"] = f"mixer.{ours}.{theirs.format('')}"
        names[f"mixer.A{suffix}_log"] = f"mixer.{ours}.A_log"
        names[f"mixer.D{suffix}"] = f"mixer.{ours}.D"
    return names


_BLOCK_NAMES = _block_names()


def _renamed(weights: Mapping[str, Tensor], config: VideoMambaConfig, *, halved: bool) -> dict[str, Tensor]:
    """Our names and layouts, with what differs folded in."""
    kernel, positions = weights["patch_embed.proj.weight"], weights["pos_embed"]
    ours = {
        "cls_token": weights["cls_token"],
        "pos_embed": positions,
        "patch_embed.proj.weight": kernel if kernel.dim() == 5 else kernel.unsqueeze(2),
        "patch_embed.proj.bias": weights["patch_embed.proj.bias"],
        "norm.weight": weights["norm_f.weight"],
    }
    if _TEMPORAL in weights:
        space, time = positions[0, 1:], weights[_TEMPORAL][0]
        ours["pos_embed"] = torch.cat([positions[0, :1], (time[:, None] + space).flatten(0, 1)])[None]
    for i in range(config.depth):
        for theirs, name in _BLOCK_NAMES.items():
            value = weights[f"layers.{i}.{theirs}"]
            ours[f"blocks.{i}.{name}"] = 0.5 * value if halved and name == "mixer.out_proj.weight" else value
    return ours | {name: weights[name] for name in ("head.weight", "head.bias") if name in weights}


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]
