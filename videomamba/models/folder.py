"""A model on disk: a folder in the Hub's layout, ``config.json`` and ``model.safetensors``."""

import dataclasses
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from torch import nn

from videomamba.models.config import Preprocessing, VideoMambaConfig, from_json

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def locate(name: str | Path, **download: Any) -> Path:
    """The folder that a checkpoint's name stands for: a model folder, a run folder's ``best/``, a Hub id (downloaded).

    Raises:
        ValueError: nothing of the kind is there.
    """
    path = Path(name)
    if path.is_file():
        raise ValueError(f"{name} is a file; a checkpoint is a folder with {CONFIG} and {WEIGHTS}")
    if path.is_dir():
        for candidate in (path, path / "best"):
            if (candidate / WEIGHTS).is_file():
                if not (candidate / CONFIG).is_file():
                    raise ValueError(f"{candidate} has {WEIGHTS} but no {CONFIG}; both make a checkpoint")
                return candidate
        raise ValueError(f"{name} holds no checkpoint: expected {WEIGHTS} in it or in its folder best/")
    if not _may_be_hub_id(str(name)):
        raise ValueError(f"there is no checkpoint {name}: expected a model folder, a run folder or a Hub id owner/name")
    try:
        return Path(snapshot_download(str(name), allow_patterns=[CONFIG, WEIGHTS], **download))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"there is no folder {name}, and the Hub has no model of that name for us: {reason}"
        ) from error


def _may_be_hub_id(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not name.endswith("/")


def read_config(path: Path) -> tuple[VideoMambaConfig, list[str] | None, Preprocessing]:
    """Architecture, class names and preprocessing of a model folder.

    Raises:
        ValueError: not JSON, or not ours.
    """
    file = path / CONFIG
    try:
        values = json.loads(file.read_text())
        config = from_json(VideoMambaConfig, values["model"])
        preprocessing = from_json(Preprocessing, values["preprocessing"])
        return config, values["class_names"], preprocessing
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not JSON: {error}") from error
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file} does not describe a videomamba model: {error} is missing or misplaced") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def read_weights(path: Path, model: nn.Module) -> None:
    """Fills the model with the folder's weights.

    Raises:
        ValueError: unreadable file, or weights of another model; names the first tensors that do not fit.
    """
    file = path / WEIGHTS
    try:
        weights = safetensors.torch.load_file(file)
    except (safetensors.SafetensorError, OSError) as error:
        raise ValueError(f"{file} is not a readable safetensors file: {error}") from error
    expected = model.state_dict()
    for problem, names in (("lacks", expected.keys() - weights), ("has the unknown", weights.keys() - expected)):
        if names:
            first = ", ".join(sorted(names)[:3])
            raise ValueError(
                f"{file} {problem} tensor {first}{' ...' if len(names) > 3 else ''}: not this model's weights"
            )
    for name, value in weights.items():
        if value.shape != expected[name].shape:
            raise ValueError(
                f"{file}: {name} has shape {tuple(value.shape)}, but {CONFIG} beside it describes a model "
                f"with {tuple(expected[name].shape)}"
            )
    model.load_state_dict(weights)


def write(
    path: Path,
    model: nn.Module,
    config: VideoMambaConfig,
    class_names: Sequence[str] | None,
    preprocessing: Preprocessing,
) -> None:
    """Writes both files, each under a temporary name that is moved when it is whole; weights first."""
    values = {
        "architecture": "VideoMamba",
        "model": dataclasses.asdict(config),
        "class_names": None if class_names is None else list(class_names),
        "preprocessing": dataclasses.asdict(preprocessing),
    }
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    _replace(path / WEIGHTS, safetensors.torch.save(weights, metadata={"format": "pt"}))
    _replace(path / CONFIG, (json.dumps(values, indent=2) + "\n").encode())


def _replace(file: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner may read
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise
