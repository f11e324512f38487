"""Checkpoints of ASFormer as its authors released it (ChinaYi/ASFormer, ``.model`` files)."""

import re
from collections.abc import Mapping

from torch import Tensor

from videomamba.errors import UserError
from videomamba.models.architectures import tensors_of
from videomamba.models.segmenter_config import ASFormerConfig, FeaturePreprocessing
from videomamba.models.weights.checkpoint import Checkpoint, check_tensors
from videomamba.models.weights.tensor_file import TensorFile

TITLE = "ASFormer"
LICENSE: str | None = None  # the code is MIT; of the files, which are elsewhere, nothing is said
# parts of names there, and what they are here
_NAMES = {
    "feed_forward.layer.0.": "conv.",
    "att_layer.query_conv.": "mixer.query.",
    "att_layer.key_conv.": "mixer.key.",
    "att_layer.value_conv.": "mixer.value.",
    "att_layer.conv_out.": "mixer.out.",
    "conv_out.": "head.",
}


def claims(file: TensorFile) -> bool:
    """Whether these names are at all those of the released ASFormer."""
    return any(name.startswith("encoder.layers.") and ".att_layer." in name for name in file.tensors)


def read(file: TensorFile) -> Checkpoint:
    """
    Raises:
        UserError: names or shapes of no such model.
    """
    weights = {_own_name(name): value for name, value in file.tensors.items()}
    source = f"{file.path.name}: the released ASFormer"
    checkpoint = Checkpoint(_config(weights, file), weights, None, FeaturePreprocessing(), source, file.path)
    check_tensors(checkpoint, tensors_of(checkpoint.config))
    return checkpoint


def _own_name(name: str) -> str:
    for theirs, ours in _NAMES.items():
        name = name.replace(theirs, ours)
    return name.replace("conv_1x1.", "project." if ".layers." in name else "embed.")


def _config(weights: Mapping[str, Tensor], file: TensorFile) -> ASFormerConfig:
    needed = ["encoder.embed.weight", "encoder.head.weight"]
    needed += [f"encoder.layers.0.mixer.{name}.weight" for name in ("query", "value")]
    odd = [name for name in needed if name not in weights or weights[name].dim() != 3 or not weights[name].numel()]
    if odd:
        raise UserError(f"{file.path} is not a whole ASFormer checkpoint: {odd[0]} (by our names) is missing or broken")
    embed, head, query, value = (weights[name] for name in needed)
    dim = len(embed)
    return ASFormerConfig(
        num_classes=len(head),
        input_dim=embed.shape[1],
        embed_dim=dim,
        num_decoders=_count(weights, r"decoders\.(\d{1,4})\."),
        num_layers=_count(weights, r"encoder\.layers\.(\d{1,4})\."),
        r1=max(1, dim // len(query)),
        r2=max(1, dim // len(value)),
    )


def _count(weights: Mapping[str, Tensor], pattern: str) -> int:
    return 1 + max((int(match[1]) for name in weights if (match := re.match(pattern, name))), default=-1)
