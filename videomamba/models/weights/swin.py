"""Checkpoints of torchvision's Swin-T: ``swin3d_t`` (Kinetics-400) as it is, ``swin_t`` (ImageNet) inflated."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor
from torchvision.models.video.swin_transformer import ShiftedWindowAttention3d

from videomamba.errors import UserError
from videomamba.models.architectures import tensors_of
from videomamba.models.config import VideoSwinConfig
from videomamba.models.weights.checkpoint import Checkpoint, check_tensors, usual_class_names
from videomamba.models.weights.tensor_file import TensorFile
from videomamba.preprocessing import Preprocessing

TITLE = "torchvision's Swin-T"
LICENSE: str | None = (
    None  # torchvision says of its weights that they may have terms of their own, and names none for these
)
_STEM = {"features.0.0.": "patch_embed.proj.", "features.0.2.": "patch_embed.norm."}  # of an image model
_TABLE, _INDEX = "attn.relative_position_bias_table", "relative_position_index"


def claims(file: TensorFile) -> bool:
    """Whether these names are at all those of torchvision's Swin."""
    return any(name.endswith(_TABLE) and name.startswith("features.") for name in file.tensors)


def read(file: TensorFile) -> Checkpoint:
    """A checkpoint of ``video_swin_t``.

    An image model is inflated as Video Swin was (arXiv 2106.13230, section 3.3): its patches' kernel is spread over the
    two frames of a patch, and its table of relative positions is the same at every distance in time. A still video has
    the picture's logits.

    Raises:
        UserError: weights of another model, such as a larger Swin; the first tensors that do not fit are named.
    """
    is_image = any(name.startswith("features.0.2.") for name in file.tensors)
    head = file.tensors.get("head.weight")
    if head is not None and (head.dim() != 2 or not len(head)):
        raise UserError(f"{file.path}: head.weight has shape {tuple(head.shape)}; expected 2 axes")
    config = VideoSwinConfig(num_classes=400 if head is None else len(head))
    expected = tensors_of(config)
    found = _inflated(file.tensors, expected) if is_image else file.tensors
    index = ShiftedWindowAttention3d(1, [8, 7, 7], [0, 0, 0], num_heads=1).relative_position_index
    checkpoint = Checkpoint(
        config,
        {f"module.{name}": value for name, value in found.items()}
        | {name: index for name in expected if name.endswith(_INDEX)},
        usual_class_names(config.num_classes),
        Preprocessing(num_frames=config.num_frames, size=config.height_width),
        source=f"{file.path.name}: torchvision's {'swin_t, inflated' if is_image else 'swin3d_t'}",
        path=file.path,
    )
    check_tensors(checkpoint, expected)
    return checkpoint


def _inflated(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A video model's tensors of an image model's; its layers are numbered from the stem on, the video model's not."""
    video = {}
    for theirs, value in weights.items():
        name = next((new + theirs.removeprefix(old) for old, new in _STEM.items() if theirs.startswith(old)), theirs)
        name = re.sub(r"^features\.(\d{1,4})", lambda match: f"features.{int(match[1]) - 1}", name)
        like = expected.get(f"module.{name}")
        if name == "patch_embed.proj.weight" and like is not None and value.dim() == 4:
            depth = like.shape[2]
            value = torch.stack([value / depth] * depth, dim=2)
        elif name.endswith(_TABLE) and like is not None and value.dim() == 2 and len(value):
            value = value.repeat(len(like) // len(value), 1)
        video[name] = value
    return video
