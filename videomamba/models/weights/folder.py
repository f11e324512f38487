"""A model on disk: a folder in the Hub's layout, ``config.json`` and ``model.safetensors``.

A VideoMamba's is transformers' too (:mod:`videomamba.transformers`): ``config.json`` names the classes that read it.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.files import whole_file, write_json, write_text
from videomamba.models.architectures import ARCHITECTURES, name_of
from videomamba.models.config import CustomConfig, VideoMambaConfig, from_json
from videomamba.models.segmenter_config import FeaturePreprocessing, SegmenterConfig
from videomamba.models.weights.checkpoint import Checkpoint, check_finite
from videomamba.preprocessing import Preprocessing

CONFIG, WEIGHTS = "config.json", "model.safetensors"
PROCESSOR = "video_preprocessor_config.json"  # where transformers looks for the processor's class

_FOR_TRANSFORMERS = {"model_type": "videomamba", "architectures": ["VideoMambaForVideoClassification"]}
_PROCESSOR = {"video_processor_type": "VideoMambaVideoProcessor"}


def read(path: Path) -> Checkpoint:
    """The checkpoint in a model folder; its weights stay on disk until they are used.

    Raises:
        UserError: a file that is not there, not readable, or not ours; one line says which and why.
    """
    file = path / CONFIG
    try:
        checkpoint = described(json.loads(file.read_text(encoding="utf-8-sig")))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{file} is not JSON: {error}") from error
    except (ValueError, OSError) as error:
        raise UserError(f"{file}: {error}") from error
    except (TypeError, OverflowError) as error:
        raise UserError(f"{file} does not describe a videomamba model: {error}") from error
    weights = read_safetensors(path / WEIGHTS)
    if not isinstance(checkpoint.config, CustomConfig):  # whose buffers may well be infinite, such as a mask
        check_finite(path / WEIGHTS, weights)
    return dataclasses.replace(checkpoint, weights=weights, path=path / WEIGHTS)


def described(values: Any) -> Checkpoint:
    """A checkpoint still without weights, from what :func:`description` gave.

    Raises:
        UserError: values that describe no model; TypeError and OverflowError likewise.
    """
    if not isinstance(values, dict):
        raise UserError("does not describe a videomamba model: expected an object with the keys model, preprocessing")
    architecture = values.get("architecture", "VideoMamba")
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        raise UserError(f"unknown architecture {architecture!r}; there are {', '.join(ARCHITECTURES)}")
    config = from_json(ARCHITECTURES[architecture].config, _mapping(values, "model"))
    kind = FeaturePreprocessing if isinstance(config, SegmenterConfig) else Preprocessing
    names = values.get("class_names")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise UserError(f"class_names={names!r:.80}; expected a list of texts, or null")
    if names is not None and len(names) != config.num_classes:
        raise UserError(f"{len(names)} class names for num_classes={config.num_classes}; give one name per class")
    for key in ("source", "license"):
        if not isinstance(values.get(key), str | None):
            raise UserError(f"{key}={values[key]!r:.80}; expected a text, or null")
    return Checkpoint(
        config,
        {},
        None if names is None else tuple(names),
        from_json(kind, _mapping(values, "preprocessing")),
        values.get("source"),
        license=values.get("license"),
    )


def _mapping(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    if key not in values:
        raise UserError(f"does not describe a videomamba model: {key!r} is missing")
    if not isinstance(values[key], dict):
        raise UserError(f"does not describe a videomamba model: {key!r} is {values[key]!r:.80}; expected an object")
    found: dict[str, Any] = values[key]
    return found


def read_safetensors(file: Path) -> dict[str, Tensor]:
    """
    Raises:
        UserError: the file cannot be read as safetensors.
    """
    try:
        return safetensors.torch.load_file(file)
    except Exception as error:  # whatever the library raises on a damaged header: the file is at fault
        raise UserError(f"{file} is not a readable safetensors file: {_reason(error)}") from error


def check_savable(weights: Mapping[str, Any]) -> None:
    """Whether a model with this ``state_dict()`` can be written and read again.

    Raises:
        UserError: something in it that is no plain tensor; names it.
    """
    for name, value in weights.items():
        if not isinstance(value, Tensor):
            raise UserError(
                f"the model cannot be saved: {name} is a {type(value).__name__}, not a tensor (of get_extra_state?); "
                "keep it outside the state_dict"
            )
        if value.layout is not torch.strided or value.is_quantized:
            raise UserError(f"the model cannot be saved: {name} is sparse or quantised; make it a plain tensor")
        if any(step == 0 and size > 1 for step, size in zip(value.stride(), value.shape, strict=True)):
            raise UserError(
                f"the model cannot be loaded again once saved: {name} is an expanded tensor; clone it, or register it "
                "with persistent=False"
            )
    for dtype in {value.dtype for value in weights.values()}:
        try:
            safetensors.torch.save({"x": torch.empty(0, dtype=dtype)})
        except Exception as error:  # what the library raises differs from version to version
            raise UserError(f"the model cannot be saved: safetensors has no {dtype}") from error


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Writes the files, each under a temporary name that is moved when it is whole; weights first.

    Tensors that share memory are written once for each name; a module that ties them has them tied when it is loaded.

    Raises:
        UserError: weights that cannot be written, before anything is.
    """
    check_savable(checkpoint.weights)
    with whole_file(path / WEIGHTS) as file:
        try:
            safetensors.torch.save_file(_apart(checkpoint.weights), file, metadata={"format": "pt"})
        except safetensors.SafetensorError as error:  # of the file system: a full disk, a quota
            raise OSError(f"{path / WEIGHTS} cannot be written: {error}") from error
        file.chmod(0o644)  # safetensors makes files that only their owner may read
    if type(checkpoint.config) is VideoMambaConfig:
        write_json(path / PROCESSOR, _PROCESSOR)
    write_text(path / CONFIG, json.dumps(description(checkpoint), indent=2) + "\n")


def description(checkpoint: Checkpoint) -> dict[str, Any]:
    """All but the weights, ready for JSON."""
    return {
        **(_FOR_TRANSFORMERS if type(checkpoint.config) is VideoMambaConfig else {}),
        "architecture": name_of(checkpoint.config),
        "model": dataclasses.asdict(checkpoint.config),
        "class_names": None if checkpoint.class_names is None else list(checkpoint.class_names),
        "preprocessing": dataclasses.asdict(checkpoint.preprocessing),
        "source": checkpoint.source,
        "license": checkpoint.license,
    }


def _apart(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, each contiguous and in memory that no other has."""
    seen: set[int] = set()
    apart = {}
    for name, value in weights.items():
        memory = value.untyped_storage().data_ptr()
        apart[name] = value.contiguous().clone() if memory in seen and value.numel() else value.contiguous()
        seen.add(memory)
    return apart


def _reason(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
