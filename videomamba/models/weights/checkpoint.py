"""A model as data: what every reader returns, and what models are made from."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.labels import class_names
from videomamba.models.config import ModelConfig

_LARGEST = 1e9  # the scan multiplies four numbers that weights make, near the largest float32 then
_LARGEST_EXPONENT = 80.0  # of e, in float32; the scan takes exp(A_log)
_NAMED_OUTPUTS = {1000: "imagenet1k", 400: "k400", 174: "ssv2"}


@dataclass(frozen=True)
class Checkpoint:
    """A model as data.

    Attributes:
        config: the architecture.
        weights: tensors by name, as the model's ``state_dict()`` has them.
        class_names: names of the outputs in order, or None.
        preprocessing: what a clip or a sequence of features goes through before the model.
        source: where the weights came from, in words; None where nobody said.
        path: the file that they were read from, for messages.
        notes: what its user should know, one line each.
        license: of the weights, as the Hub names it; None where nobody said.
    """

    config: ModelConfig
    weights: Mapping[str, Tensor]
    class_names: tuple[str, ...] | None
    preprocessing: Any
    source: str | None = None
    path: Path = Path("model.safetensors")
    notes: tuple[str, ...] = ()
    license: str | None = None


def usual_class_names(num_classes: int) -> tuple[str, ...] | None:
    """Names of the data set that is known for so many classes, for files that have none."""
    name = _NAMED_OUTPUTS.get(num_classes)
    return None if name is None else class_names(name)


def check_tensors(checkpoint: Checkpoint, expected: Mapping[str, Tensor]) -> None:
    """
    Raises:
        UserError: weights of another model than the configuration's; names the first tensors that do not fit.
    """
    file, weights = checkpoint.path, checkpoint.weights
    for problem, names in (("lacks", expected.keys() - weights), ("has the unknown", weights.keys() - expected)):
        if names:
            raise UserError(f"{file} {problem} tensor {first_names(names)}: not this model's weights")
    for name, value in weights.items():
        like = expected[name]
        if value.shape != like.shape:
            raise UserError(
                f"{file}: {name} has shape {tuple(value.shape)}, but config.json beside it describes a model "
                f"with {tuple(like.shape)}"
            )
        if value.dtype.is_floating_point != like.dtype.is_floating_point or value.is_complex():
            raise UserError(f"{file}: {name} has dtype {value.dtype}, but the model's is {like.dtype}")


def check_finite(file: Path, weights: Mapping[str, Tensor]) -> None:
    """
    Raises:
        UserError: a weight that is NaN, infinite, or so large that what the scan makes of it is; names its tensor.
    """
    for name, value in weights.items():
        if not value.is_floating_point() or not value.numel():
            continue
        least, most = (float(bound) for bound in torch.aminmax(value))  # NaN if there is one; needs no memory
        if not (math.isfinite(least) and math.isfinite(most)):
            raise UserError(f"{file}: {name} holds NaN or infinity; this checkpoint is broken")
        largest = _LARGEST_EXPONENT if name.endswith("A_log") else _LARGEST
        if max(-least, most) > largest:
            raise UserError(f"{file}: {name} holds {max(-least, most):.1e}; this checkpoint is broken")


def first_names(names: Iterable[str]) -> str:
    """The first three, for a message."""
    names = sorted(names)
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
