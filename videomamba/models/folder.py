"""A model on disk: a folder in the Hub's layout, ``config.json`` and ``model.safetensors``."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.files import whole_file, write_text
from videomamba.models.config import (
    DetectorConfig,
    ModelConfig,
    OwnConfig,
    VideoMambaConfig,
    VideoSwinConfig,
    from_json,
)
from videomamba.models.segmenter_config import ASFormerConfig, FeaturePreprocessing, MSTCN2Config, SegmenterConfig
from videomamba.preprocessing import Preprocessing

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_ARCHITECTURES = {
    "VideoMamba": VideoMambaConfig,
    "Detector": DetectorConfig,
    "VideoSwin": VideoSwinConfig,
    "ASFormer": ASFormerConfig,
    "MSTCN2": MSTCN2Config,
    "OwnModel": OwnConfig,
}


@dataclass(frozen=True)
class Checkpoint:
    """A model as data.

    Attributes:
        config: the architecture.
        weights: tensors by name, as ``VideoMamba.state_dict()`` has them.
        class_names: names of the outputs in order, or None.
        preprocessing: what a clip or a sequence of features goes through before the model.
        source: where the weights came from, in words; None where nobody said.
        path: the file that they were read from, for messages.
    """

    config: ModelConfig
    weights: Mapping[str, Tensor]
    class_names: tuple[str, ...] | None
    preprocessing: Any
    source: str | None = None
    path: Path = Path(WEIGHTS)


def read(path: Path) -> Checkpoint:
    """The checkpoint in a model folder; its weights stay on disk until they are used.

    Raises:
        UserError: a file that is not there, not readable, or not ours; one line says which and why.
    """
    file = path / CONFIG
    try:
        values = json.loads(file.read_text())
        architecture = values.get("architecture", "VideoMamba")
        if architecture not in _ARCHITECTURES:
            raise UserError(f"unknown architecture {architecture!r}; there are {', '.join(_ARCHITECTURES)}")
        config = from_json(_ARCHITECTURES[architecture], values["model"])
        of_features = isinstance(config, SegmenterConfig)
        preprocessing = from_json(FeaturePreprocessing if of_features else Preprocessing, values["preprocessing"])
        class_names = values["class_names"]
        source = values.get("source")
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is not JSON: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file} does not describe a videomamba model: {error} is missing or misplaced") from error
    except ValueError as error:
        raise UserError(f"{file}: {error}") from error
    weights_file = path / WEIGHTS
    names = None if class_names is None else tuple(class_names)
    return Checkpoint(config, read_safetensors(weights_file), names, preprocessing, source, weights_file)


def read_safetensors(file: Path) -> dict[str, Tensor]:
    """
    Raises:
        UserError: the file cannot be read as safetensors.
    """
    try:
        return safetensors.torch.load_file(file)
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(f"{file} is not a readable safetensors file: {error}") from error


def check_tensors(checkpoint: Checkpoint, expected: Mapping[str, Tensor]) -> None:
    """
    Raises:
        UserError: weights of another model than the configuration's; names the first tensors that do not fit.
    """
    file, weights = checkpoint.path, checkpoint.weights
    for problem, names in (("lacks", expected.keys() - weights), ("has the unknown", weights.keys() - expected)):
        if names:
            first = ", ".join(sorted(names)[:3])
            raise UserError(
                f"{file} {problem} tensor {first}{' ...' if len(names) > 3 else ''}: not this model's weights"
            )
    for name, value in weights.items():
        if value.shape != expected[name].shape:
            raise UserError(
                f"{file}: {name} has shape {tuple(value.shape)}, but {CONFIG} beside it describes a model "
                f"with {tuple(expected[name].shape)}"
            )


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Writes both files, each under a temporary name that is moved when it is whole; weights first."""
    values = {
        "architecture": next(name for name, kind in _ARCHITECTURES.items() if type(checkpoint.config) is kind),
        "model": dataclasses.asdict(checkpoint.config),
        "class_names": None if checkpoint.class_names is None else list(checkpoint.class_names),
        "preprocessing": dataclasses.asdict(checkpoint.preprocessing),
        "source": checkpoint.source,
    }
    weights = {name: value.contiguous() for name, value in checkpoint.weights.items()}

    with whole_file(path / WEIGHTS) as file:
        try:
            safetensors.torch.save_file(weights, file, metadata={"format": "pt"})
        except safetensors.SafetensorError as error:  # of the file system: a full disk, a quota
            raise OSError(f"{path / WEIGHTS} cannot be written: {error}") from error
        file.chmod(0o644)  # safetensors makes files that only their owner may read
    write_text(path / CONFIG, json.dumps(values, indent=2) + "\n")
