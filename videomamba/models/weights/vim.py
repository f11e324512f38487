"""Image models of Vim (hustvl/Vim, ``vim_*_midclstok*``): the same block under other names, read exactly.

The class token stands in the middle, and the two directions' sum is halved, which goes into ``out_proj`` here.
OpenGVLab's files have the same names and shapes; what both share is in :mod:`videomamba.models.weights.vim_layout`.
"""

import re

from videomamba.errors import UserError
from videomamba.models.weights.checkpoint import Checkpoint
from videomamba.models.weights.tensor_file import TensorFile
from videomamba.models.weights.vim_layout import TEMPORAL, checkpoint_of, is_vim_layout, origin_of

TITLE = "Vim"
LICENSE: str | None = "apache-2.0"
_STRIDE_8_SLOTS = 27 * 27 + 1  # of files that were fine-tuned on 224 pixels at stride 8


def claims(file: TensorFile) -> bool:
    """Whether it is an image model that is told, or taken, to be Vim's."""
    return is_vim_layout(file) and origin_of(file)[0] == "vim"


def read(file: TensorFile) -> Checkpoint:
    """
    Raises:
        UserError: names or shapes of no such model, or a stride that only the caller can tell.
    """
    if TEMPORAL in file.tensors:
        raise UserError(f"{file.path} has {TEMPORAL}: it is a video model of OpenGVLab's, not Vim's")
    stride = file.patch_stride
    if stride is None and (match := re.search(r"stride(\d+)", file.model_name or "")):
        stride = int(match[1])
    positions = file.tensors.get("pos_embed")
    if stride is None and positions is not None and positions.dim() == 3 and positions.shape[1] == _STRIDE_8_SLOTS:
        raise UserError(
            f"{file.path}: pos_embed has 730 slots, 27 x 27 patches: 224 pixels at stride 8, as in Vim's fine-tuned "
            "files, or 432 pixels at stride 16; shapes cannot tell, so run `videomamba convert` with --patch-stride 8 "
            "or 16"
        )
    return checkpoint_of(file, file.tensors, title=TITLE, cls_position="middle", patch_stride=stride, halved=True)
