"""A run's whole state on disk, from which it resumes exactly where it stopped."""

import dataclasses
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_model_state_dict,
    set_state_dict,
)

from videomamba.errors import UserError
from videomamba.files import whole_file, whole_folder

_STATE = "state.pt"
_KEPT = 2


def write_checkpoint(folder: Path, state: dict[str, Any]) -> Path:
    """``folder/step-N/`` with N of ``state["step"]``, whole or not at all; the two newest stay."""
    target = folder / f"step-{state['step']}"
    if target.exists():  # at the end of an epoch, of the same step: there is one at every moment
        with whole_file(target / _STATE) as file:
            torch.save(state, file)
    else:
        with whole_folder(target) as whole:
            torch.save(state, whole / _STATE)
    for old in _checkpoints(folder)[:-_KEPT]:
        shutil.rmtree(old)
    return target


def has_checkpoint(folder: Path) -> bool:
    """Whether there is one to resume from."""
    return bool(_checkpoints(folder))


def read_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The state of the newest checkpoint, or None where there is none; what a killed process half wrote is removed.

    Raises:
        UserError: a checkpoint that cannot be read.
    """
    for half in folder.glob(".*"):
        shutil.rmtree(half, ignore_errors=True)
    for half in folder.glob("step-*/.*"):
        half.unlink()
    there = _checkpoints(folder)
    if not there:
        return None
    file = there[-1] / _STATE
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"{file} cannot be read ({str(error).splitlines()[0]}); remove {there[-1]} to resume earlier"
        ) from error


def training_state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Weights and the optimiser's state under the model's own names, gathered from all processes."""
    weights, optim = get_state_dict(model, optimizer, options=_WHOLE)
    return {"model": weights, "optimizer": optim}


def whole_weights(model: nn.Module) -> dict[str, Tensor]:
    """The model's weights, gathered from all processes."""
    return cast(dict[str, Tensor], get_model_state_dict(model, options=_WHOLE))


def load_training_state(model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Puts back what :func:`training_state` gave, sharded as model and optimiser are."""
    set_state_dict(
        model, optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"], options=_WHOLE
    )


def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Puts back what :func:`whole_weights` gave, sharded as the model is; one of several names of a tensor will do.

    Raises:
        UserError: weights of another model.
    """
    options = dataclasses.replace(_WHOLE, strict=False)
    unknown = set_model_state_dict(model, dict(weights), options=options).unexpected_keys
    if unknown:
        raise UserError(f"the model has no tensor {unknown[0]}: not its weights")


_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)


def random_state() -> dict[str, Any]:
    """Every global source of chance in this process."""
    name, keys, position, has_gauss, cached = np.random.get_state()
    version, numbers, gauss = random.getstate()
    state = {
        "torch": torch.get_rng_state(),
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached],
        "python": [version, list(numbers), gauss],
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Puts back what :func:`random_state` gave."""
    torch.set_rng_state(state["torch"])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    if "cuda" in state:
        torch.cuda.set_rng_state_all(state["cuda"])


def _checkpoints(folder: Path) -> list[Path]:
    """Whole ones, the oldest first."""
    states = folder.glob(f"step-*/{_STATE}")
    return sorted((state.parent for state in states), key=lambda path: int(path.name.removeprefix("step-")))
