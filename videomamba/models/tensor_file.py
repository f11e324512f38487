"""Tensors out of a file that somebody else wrote: a PyTorch checkpoint or safetensors, wrapped or flat."""

import argparse
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.models.folder import read_safetensors

_WRAPPERS = ("model", "state_dict", "module", "model_state_dict")
_PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.")
SUFFIXES = (".pth", ".pt", ".bin", ".ckpt", ".safetensors")


def read_tensor_file(file: Path) -> tuple[dict[str, Tensor], str | None]:
    """Tensors by name, float32 ones of which stay on disk until they are used, and the model's name if the file says.

    Unwraps ``{"model": ...}`` and the like, and names with a common ``module.`` or the like in front. Only tensors and
    plain values are ever unpickled.

    Raises:
        UserError: unreadable, cut off, without weights, with a weight that is not finite; one line says which.
    """
    if file.suffix == ".safetensors":
        tensors, model_name = read_safetensors(file), None
    else:
        tensors, model_name = _unwrapped(file, _unpickled(file))
    # Swin's indices follow from its shape; all else is weights
    tensors = {n: t for n, t in _without_prefix(tensors).items() if not n.endswith("relative_position_index")}
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise UserError(f"{file}: {name} has dtype {tensor.dtype}; weights are floating-point numbers")
        if not torch.isfinite(tensor).all():
            raise UserError(f"{file}: {name} holds NaN or infinity; this checkpoint is broken")
    return {name: tensor.float() for name, tensor in tensors.items()}, model_name


def _unpickled(file: Path) -> Any:
    if not zipfile.is_zipfile(file):
        with file.open("rb") as stream:
            start = stream.read(4)
        if not start:
            raise UserError(f"{file} is empty")
        if start.startswith(b"PK"):
            raise UserError(f"{file} is cut off: the end of the archive is missing; copy or download it again")
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):  # the settings that Vim and OpenGVLab store
            return torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{file} is no PyTorch checkpoint of tensors: reading it would run code from the file, or it is damaged"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, UnicodeDecodeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(f"{file} is not a readable PyTorch checkpoint: {reason}") from error


def _unwrapped(file: Path, content: Any) -> tuple[dict[str, Tensor], str | None]:
    model_name = None
    while isinstance(content, Mapping):
        settings = content.get("args")
        model_name = getattr(settings, "model", model_name)
        inner = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
            if tensors:
                return tensors, model_name
            break
        content = inner
    raise UserError(f"{file} holds no weights: expected tensors by name, or a dictionary of them under 'model'")


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            return _without_prefix({name.removeprefix(prefix): tensor for name, tensor in tensors.items()})
    return tensors
