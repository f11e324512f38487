"""Names and shapes that Vim's and OpenGVLab's files share, and how the two are told apart."""

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.models.architectures import tensors_of
from videomamba.models.config import VideoMambaConfig
from videomamba.models.weights.checkpoint import Checkpoint, usual_class_names
from videomamba.models.weights.tensor_file import TensorFile
from videomamba.preprocessing import Preprocessing

TEMPORAL = "temporal_pos_embedding"  # only in OpenGVLab's video models
_KERNEL = "patch_embed.proj.weight"
_SAME = ("norm.weight", "mixer.in_proj.weight", "mixer.out_proj.weight")  # a block's tensors of the same name here
# what the configuration is read from
_RANKS = {"pos_embed": 3, TEMPORAL: 3, "head.weight": 2, "layers.0.mixer.A_log": 2, "layers.0.mixer.conv1d.weight": 3}


def is_vim_layout(file: TensorFile) -> bool:
    """Whether these names are at all those of Vim and OpenGVLab."""
    return any(name.startswith("layers.") for name in file.tensors)


def origin_of(file: TensorFile) -> tuple[str, str]:
    """``vim`` or ``opengvlab``, and how that is known."""
    if file.origin is not None:
        return file.origin, "as told"
    if TEMPORAL in file.tensors:
        return "opengvlab", f"it has {TEMPORAL}"
    for name, what in ((file.model_name, "model name"), (file.path.name, "file name")):
        name = (name or "").lower()
        if "midclstok" in name or re.search(r"(?<![a-z])vim(?![a-z])", name):
            return "vim", f"by its {what}"
        if "videomamba" in name:
            return "opengvlab", f"by its {what}"
    return _origin_by_table(file.tensors.get("pos_embed", torch.empty(1, 0, 1)))


def _origin_by_table(positions: Tensor) -> tuple[str, str]:
    """Trained patch positions change little from one to the next; the class token's slot stands out where it lies."""
    table = positions[0] if positions.dim() == 3 and len(positions) else positions.new_empty(0, 1)
    middle = (len(table) - 1) // 2
    if not 0 < middle < len(table) - 1:
        return "vim", "a guess; --origin opengvlab says otherwise"
    first = (table[0] - table[1]).norm()
    centre = torch.minimum((table[middle] - table[middle - 1]).norm(), (table[middle] - table[middle + 1]).norm())
    if first > 2 * centre:
        return "opengvlab", "the class token's slot stands out in front; --origin vim says otherwise"
    if centre > 2 * first:
        return "vim", "the class token's slot stands out in the middle; --origin opengvlab says otherwise"
    return "vim", "a guess; --origin opengvlab says otherwise"


def checkpoint_of(
    file: TensorFile,
    tensors: Mapping[str, Tensor],
    *,
    title: str,
    cls_position: str,
    patch_stride: int | None,
    halved: bool,
) -> Checkpoint:
    """A checkpoint of ours whose positions are still the file's; ``halved``: the two directions' sum is.

    Raises:
        UserError: names or shapes of no such model; the first ones are given.
    """
    depth = 1 + max((int(m[1]) for name in tensors if (m := re.match(r"layers\.(\d{1,4})\.", name))), default=0)
    names = _our_names(depth)
    _check_names(tensors, file, names)
    config = _config(tensors, file, depth, cls_position, patch_stride)
    _check_shapes(tensors, file, config, names)
    ours = {names[name]: value for name, value in tensors.items() if name != TEMPORAL}
    if ours[_KERNEL].dim() == 4:
        ours[_KERNEL] = ours[_KERNEL].unsqueeze(2)
    if halved:
        ours = {n: 0.5 * value if n.endswith("mixer.out_proj.weight") else value for n, value in ours.items()}
    kind = "image" if config.num_frames == 1 else "video"
    return Checkpoint(
        config,
        ours,
        usual_class_names(config.num_classes),
        Preprocessing(num_frames=config.num_frames, size=config.height_width),
        source=f"{file.path.name}: {title}, {kind} model ({origin_of(file)[1]})",
        path=file.path,
    )


def _our_names(depth: int) -> dict[str, str]:
    """Of every tensor that such a file may have, but for the positions in time."""
    same = ("cls_token", "pos_embed", _KERNEL, "patch_embed.proj.bias", "head.weight", "head.bias")
    names = {name: name for name in same} | {"norm_f.weight": "norm.weight"}
    for i in range(depth):
        theirs, ours = f"layers.{i}.", f"blocks.{i}."
        names |= {
            theirs + name: ours + name for name in ("norm.weight", "mixer.in_proj.weight", "mixer.out_proj.weight")
        }
        for suffix, ssm in (("", "mixer.forward_ssm."), ("_b", "mixer.backward_ssm.")):
            for name in ("conv1d{}.weight", "conv1d{}.bias", "x_proj{}.weight", "dt_proj{}.weight", "dt_proj{}.bias"):
                names[f"{theirs}mixer.{name.format(suffix)}"] = ours + ssm + name.format("")
            names[f"{theirs}mixer.A{suffix}_log"] = f"{ours}{ssm}A_log"
            names[f"{theirs}mixer.D{suffix}"] = f"{ours}{ssm}D"
    return names


def _check_names(tensors: Mapping[str, Tensor], file: TensorFile, names: Mapping[str, str]) -> None:
    patches = tensors.get(_KERNEL)
    expected = {*names, TEMPORAL} if (TEMPORAL in tensors if patches is None else patches.dim() == 5) else {*names}
    if not any(name.startswith("head.") for name in tensors):
        expected -= {"head.weight", "head.bias"}
    missing, unexpected = sorted(expected - tensors.keys(), key=_natural), sorted(tensors.keys() - expected)
    if missing or unexpected:
        parts = [
            f"{what} {', '.join(odd[:3])}{f' and {len(odd) - 3} more' if len(odd) > 3 else ''}"
            for what, odd in (("missing", missing), ("unexpected", unexpected))
            if odd
        ]
        raise UserError(f"{file.path} is not a whole Vim or OpenGVLab VideoMamba checkpoint: {'; '.join(parts)}")


def _config(
    tensors: Mapping[str, Tensor], file: TensorFile, depth: int, cls_position: str, patch_stride: int | None
) -> VideoMambaConfig:
    for name, rank in _RANKS.items():
        if name in tensors and (tensors[name].dim() != rank or not tensors[name].numel()):
            raise UserError(f"{file.path}: {name} has shape {tuple(tensors[name].shape)}; expected {rank} axes")
    kernel, inner_states = tensors[_KERNEL], tensors["layers.0.mixer.A_log"]
    if kernel.dim() not in (4, 5) or kernel.shape[-1] != kernel.shape[-2] or kernel.shape[1] != 3:
        raise UserError(f"{file.path}: {_KERNEL} has shape {tuple(kernel.shape)}; expected (d, 3, [t,] p, p)")
    width, patch, tubelet = kernel.shape[0], kernel.shape[-1], kernel.shape[2] if kernel.dim() == 5 else 1
    slots = tensors["pos_embed"].shape[1]
    side = math.isqrt(slots - 1)
    if side < 1 or side * side != slots - 1:
        raise UserError(f"{file.path}: pos_embed has {slots} slots, which is no square of patches and a class token")
    stride = patch if patch_stride is None else patch_stride
    if not 1 <= stride <= patch:
        raise UserError(f"patch stride {stride}; it must be at least 1 and at most the patch's {patch} pixels")
    return VideoMambaConfig(
        num_frames=tensors[TEMPORAL].shape[1] * tubelet if TEMPORAL in tensors else 1,
        img_size=(side - 1) * stride + patch,
        num_classes=len(tensors["head.weight"]) if "head.weight" in tensors else 0,
        embed_dim=width,
        depth=depth,
        tubelet_size=tubelet,
        patch_size=patch,
        patch_stride=None if stride == patch else stride,
        cls_position=cls_position,
        d_state=inner_states.shape[-1],
        d_conv=tensors["layers.0.mixer.conv1d.weight"].shape[-1],
        expand=max(1, len(inner_states) // max(1, width)),
    )


def _check_shapes(
    tensors: Mapping[str, Tensor], file: TensorFile, config: VideoMambaConfig, names: Mapping[str, str]
) -> None:
    ours, (t, h, w) = tensors_of(config), config.grid
    expected = {name: tuple(ours[names[name]].shape) for name in tensors if name != TEMPORAL}
    expected |= {TEMPORAL: (1, t, config.embed_dim), "pos_embed": (1, h * w + 1, config.embed_dim)}
    if TEMPORAL not in tensors:
        expected[_KERNEL] = expected[_KERNEL][:2] + expected[_KERNEL][3:]
    for name, value in tensors.items():
        if tuple(value.shape) != expected[name]:
            raise UserError(
                f"{file.path}: {name} has shape {tuple(value.shape)}, where the other tensors make it {expected[name]}"
            )


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]
