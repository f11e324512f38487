"""Which device a run uses."""

from collections.abc import Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.tracking import filter_trackers, get_available_trackers
from accelerate.utils import LoggerType

from videomamba.errors import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str) -> torch.device:
    """The device that a name stands for; ``auto``: CUDA, else Apple's GPU, else the CPU.

    Raises:
        UserError: unknown name, or a device that this machine does not have.
    """
    if name not in DEVICES:
        raise UserError(f"unknown device {name!r}; choose one of {', '.join(DEVICES)}")
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, there in present.items() if there))
    if not present[name]:
        here = ", ".join(device for device, there in present.items() if there)
        raise UserError(f"device {name!r} is not available to PyTorch {torch.__version__} here; there is {here}")
    return torch.device(name)


def make_accelerator(device: str, *, accumulate: int = 1) -> Accelerator:
    """Accelerate's view of a device, and of the processes that ``torchrun`` or ``accelerate launch`` started.

    Args:
        device: see :func:`resolve_device`.
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
            raise UserError(f"tracker {name!r} is not installed: pip install {name}")


def track(accelerator: Accelerator, trackers: Sequence[str], folder: Path) -> None:
    """Has the accelerator log to these trackers; TensorBoard's files go to ``tensorboard/`` in the folder."""
    accelerator.project_configuration.set_directories(str(folder))
    accelerator.project_configuration.logging_dir = str(folder / "tensorboard")
    accelerator.log_with = filter_trackers(list(trackers), accelerator.logging_dir)
