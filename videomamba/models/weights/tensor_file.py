"""Tensors out of a file that somebody else wrote: a PyTorch checkpoint or safetensors, wrapped or flat."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.models.weights.checkpoint import check_finite
from videomamba.models.weights.folder import read_safetensors
from videomamba.models.weights.unpickle import read_pickle

_USUAL = ("model", "state_dict", "module", "model_state_dict")  # where training code keeps the weights
_PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.")
_COUNTERS = ("n_averaged", "relative_position_index")  # no weights: of averages; of Swin, where shapes tell them
_DEEPEST = 4
SUFFIXES = (".pth", ".pt", ".bin", ".ckpt", ".safetensors")


@dataclass(frozen=True)
class TensorFile:
    """Somebody's weights.

    Attributes:
        path: of the file.
        tensors: by their own names, without a ``module.`` or the like that all have in front.
        keys: where in the file they were, such as ``("model",)``.
        model_name: of the code that wrote it, if the file says.
        origin: whose file it is, where the caller knows.
        patch_stride: of overlapping patches, where the caller knows.
        notes: what its user should know.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    keys: tuple[str, ...] = ()
    model_name: str | None = None
    origin: str | None = None
    patch_stride: int | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def is_usual(self) -> bool:
        """Whether it is where weights usually are."""
        return all(key in _USUAL for key in self.keys)

    def checked(self) -> "TensorFile":
        """The same in float32.

        Raises:
            UserError: a tensor of other numbers, or NaN or infinity in one.
        """
        for name, tensor in self.tensors.items():
            if not tensor.is_floating_point():
                raise UserError(f"{self.path}: {name} has dtype {tensor.dtype}; weights are floating-point numbers")
        tensors = {name: tensor.float() for name, tensor in self.tensors.items()}
        check_finite(self.path, tensors)
        return dataclasses.replace(self, tensors=tensors)


def read_tensor_files(path: Path) -> tuple[TensorFile, ...]:
    """Every dictionary of tensors in a file, the outermost first; tensors stay on disk until they are used.

    Raises:
        UserError: unreadable, cut off, or without tensors; one line says which.
    """
    content = read_safetensors(path) if path.suffix == ".safetensors" else read_pickle(path)
    found = tuple(_dictionaries(path, content, (), None))
    if found:
        return found
    there = f"; its keys are {', '.join(str(key) for key in list(content)[:8])}" if isinstance(content, dict) else ""
    if isinstance(content, dict) and "_modules" in content:
        raise UserError(f"{path} holds a whole pickled module; save its state_dict() where its code is at hand")
    raise UserError(f"{path} holds no weights: expected tensors by name, or a dictionary of them{there}")


def _dictionaries(path: Path, content: Any, keys: tuple[str, ...], model_name: str | None) -> Iterator[TensorFile]:
    if not isinstance(content, Mapping) or len(keys) > _DEEPEST:
        return
    model_name = _model_in(content.get("args")) or model_name
    tensors = {name: _as_tensor(value) for name, value in content.items() if isinstance(name, str)}
    named = _without_prefix({n: t for n, t in tensors.items() if t is not None and not n.endswith(_COUNTERS)})
    if named:
        yield TensorFile(path, named, keys, model_name)
    for key, value in content.items():
        yield from _dictionaries(path, value, (*keys, str(key)), model_name)


def _model_in(settings: Any) -> str | None:
    name = settings.get("model") if isinstance(settings, Mapping) else getattr(settings, "model", None)
    return name if isinstance(name, str) else None


def _as_tensor(value: Any) -> Tensor | None:
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.dtype.itemsize <= 8:
        return torch.from_numpy(np.ascontiguousarray(value.astype(value.dtype.newbyteorder("="))))
    return value if isinstance(value, Tensor) else None


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in _PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            return _without_prefix({name.removeprefix(prefix): tensor for name, tensor in tensors.items()})
    return tensors
