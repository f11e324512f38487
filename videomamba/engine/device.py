"""Accelerate's view of a device, and its trackers."""

from collections.abc import Sequence
from pathlib import Path

from accelerate import Accelerator
from accelerate.tracking import filter_trackers, get_available_trackers
from accelerate.utils import LoggerType

from videomamba.errors import UserError
from videomamba.extras import EXTRAS, how_to_install
from videomamba.inference.device import resolve_device


def make_accelerator(device: str, *, accumulate: int = 1) -> Accelerator:
    """Accelerate's view of a device, and of the processes that ``torchrun`` or ``accelerate launch`` started.

    Args:
        device: see :func:`videomamba.inference.device.resolve_device`.
        accumulate: batches whose gradients make one step.

    Raises:
        UserError: a device that is not here, or another one than this process uses already.
    """
    wanted = resolve_device(device)
    accelerator = Accelerator(
        cpu=wanted.type == "cpu",
        mixed_precision="no",  # accelerate would keep it for the whole process; see OptimConfig.bf16
        gradient_accumulation_steps=accumulate,
    )
    if accelerator.device.type != wanted.type:  # accelerate keeps its choice for as long as the process lives
        raise UserError(f"this process already runs on {accelerator.device.type}; use {wanted.type} in a new one")
    return accelerator


def check_trackers(trackers: Sequence[str]) -> None:
    """
    Raises:
        UserError: a tracker that accelerate does not know or that is not installed.
    """
    known = {str(tracker) for tracker in LoggerType}
    for name in trackers:
        if name not in known:
            raise UserError(f"unknown tracker {name!r}; accelerate has {', '.join(sorted(known - {'all'}))}")
        if name not in map(str, get_available_trackers()):
            how = how_to_install(name) if name in EXTRAS else f"pip install {name}"
            raise UserError(f"tracker {name!r} is not installed: {how}")


def track(accelerator: Accelerator, trackers: Sequence[str], folder: Path) -> None:
    """Has the accelerator log to these trackers; TensorBoard's files go to ``tensorboard/`` in the folder."""
    accelerator.project_configuration.set_directories(str(folder))
    accelerator.project_configuration.logging_dir = str(folder / "tensorboard")
    accelerator.log_with = filter_trackers(list(trackers), accelerator.logging_dir)
