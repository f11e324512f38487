"""Image and video models of OpenGVLab's VideoMamba (``videomamba_{t,s,m}16_*``): Vim's block with other positions.

The class token comes first, and the video's position table is a sum over space and time, written out here.
"""

import dataclasses

import torch

from videomamba.models.weights.checkpoint import Checkpoint
from videomamba.models.weights.tensor_file import TensorFile
from videomamba.models.weights.vim_layout import TEMPORAL, checkpoint_of, is_vim_layout, origin_of

TITLE = "OpenGVLab VideoMamba"
LICENSE: str | None = "apache-2.0"
_DECODER = ("clip_decoder.", "clip_pos_embed")


def claims(file: TensorFile) -> bool:
    """Whether it is a video model, or an image model that is told, or taken, to be OpenGVLab's."""
    return is_vim_layout(file) and origin_of(file)[0] == "opengvlab"


def read(file: TensorFile) -> Checkpoint:
    """
    Raises:
        UserError: names or shapes of no such model.
    """
    tensors = dict(file.tensors)
    if any(name.startswith(_DECODER) for name in tensors):  # of masked pretraining, which ends in another norm
        kept = {name: value for name, value in tensors.items() if not name.startswith(_DECODER)}
        tensors = {"norm_f.weight" if name == "norm.weight" else name: value for name, value in kept.items()}
    stride = file.patch_stride
    checkpoint = checkpoint_of(file, tensors, title=TITLE, cls_position="first", patch_stride=stride, halved=False)
    if TEMPORAL in tensors:
        positions, time = tensors["pos_embed"], tensors[TEMPORAL][0]
        table = (time[:, None] + positions[0, 1:]).flatten(0, 1)
        written_out = torch.cat([positions[0, :1], table])[None]
        checkpoint = dataclasses.replace(checkpoint, weights={**checkpoint.weights, "pos_embed": written_out})
    return checkpoint
