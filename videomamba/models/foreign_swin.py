"""Checkpoints of torchvision's Swin-T: ``swin3d_t`` (Kinetics-400) as it is, ``swin_t`` (ImageNet) inflated."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models.video import swin3d_t

from videomamba.labels import class_names
from videomamba.models.config import VideoSwinConfig
from videomamba.models.folder import Checkpoint, check_tensors
from videomamba.models.foreign import NAMED_OUTPUTS
from videomamba.preprocessing import Preprocessing

_STEM = {"features.0.0.": "patch_embed.proj.", "features.0.2.": "patch_embed.norm."}  # of an image model
_TABLE = "attn.relative_position_bias_table"


def is_swin(weights: Mapping[str, Tensor]) -> bool:
    """Whether these names are at all those of torchvision's Swin."""
    return any(name.endswith(_TABLE) and name.startswith("features.") for name in weights)


def from_swin(weights: Mapping[str, Tensor], file: Path) -> Checkpoint:
    """A checkpoint of ``video_swin_t`` from a file of torchvision's.

    An image model is inflated as Video Swin was (arXiv 2106.13230, section 3.3): its patches' kernel is spread over the
    two frames of a patch, and its table of relative positions is the same at every distance in time. A still video has
    the picture's logits.

    Raises:
        ValueError: weights of another model, such as a larger Swin; the first tensors that do not fit are named.
    """
    is_image = any(name.startswith("features.0.2.") for name in weights)
    head = weights.get("head.weight")
    config = VideoSwinConfig(num_classes=400 if head is None else len(head))
    own = {f"module.{name}": value for name, value in swin3d_t(num_classes=config.num_classes).state_dict().items()}
    found = _inflated(weights, own) if is_image else weights
    indices = {name: value for name, value in own.items() if name.endswith("relative_position_index")}
    names = NAMED_OUTPUTS.get(config.num_classes)
    checkpoint = Checkpoint(
        config,
        {f"module.{name}": value for name, value in found.items()} | indices,
        None if names is None else class_names(names),
        Preprocessing(num_frames=config.num_frames, size=config.height_width),
        source=f"{file.name}: torchvision's {'swin_t, inflated' if is_image else 'swin3d_t'}",
        path=file,
    )
    check_tensors(checkpoint, own)
    return checkpoint


def _inflated(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A video model's tensors of an image model's; its layers are numbered from the stem on, the video model's not."""
    video = {}
    for theirs, value in weights.items():
        name = next((new + theirs.removeprefix(old) for old, new in _STEM.items() if theirs.startswith(old)), theirs)
        name = re.sub(r"^features\.(\d+)", lambda match: f"features.{int(match[1]) - 1}", name)
        like = own.get(f"module.{name}")
        if name == "patch_embed.proj.weight" and like is not None and value.dim() == 4:
            depth = like.shape[2]
            value = torch.stack([value / depth] * depth, dim=2)
        elif name.endswith(_TABLE) and like is not None:
            value = value.repeat(len(like) // len(value), 1)
        video[name] = value
    return video
