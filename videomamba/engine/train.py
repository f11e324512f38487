"""Training: from a configuration and videos to a run folder that is whole at every moment."""

import dataclasses
import math
import platform
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from rich.console import Console

import videomamba
from videomamba.engine.config import RunConfig
from videomamba.engine.data import Splits
from videomamba.engine.device import make_accelerator, resolve_device
from videomamba.engine.interrupt import InterruptFlag
from videomamba.engine.model import build_model, check_model
from videomamba.engine.run_folder import RunFolder, check_output
from videomamba.engine.trainer import Trainer, TrainResult
from videomamba.models import VideoMamba
from videomamba.tasks.task import Task


def train(run: RunConfig, task: Task, splits: Splits, *, console: Console | None = None) -> TrainResult:
    """Trains as the run says and writes its folder.

    Args:
        run: the configuration.
        task: loss and metrics; ``task.headline`` picks the best epoch, a lower test loss breaks ties.
        splits: training and test videos.
        console: for the progress bar; standard error by default.

    Raises:
        ValueError: a model, device or output folder that cannot be had.
        TrainingError: the loss is no longer finite.
        TrainingInterrupted: Ctrl-C or SIGTERM, after ``last/`` is written.
    """
    check_run(run)  # before a folder is made
    run = with_all_epochs(run, len(splits["train"]))
    set_seed(run.seed)
    model = build_model(run, splits["train"].class_names)
    folder = RunFolder.of(run)
    accelerator = make_accelerator(run.device, project_dir=folder.path)
    folder.write_splits(splits, run.data.root)
    facts = _facts(model, accelerator)
    folder.write_config(run, facts=facts)
    console = console or Console(stderr=True)
    console.print(_summary(facts, folder), soft_wrap=True, highlight=False, markup=False)
    accelerator.init_trackers("tensorboard")
    with InterruptFlag() as flag:
        trainer = Trainer(run, task, splits, model, folder, accelerator, flag)
        try:
            return trainer.fit(console)
        except RuntimeError:  # of the loader, whose processes a signal may have ended first
            trainer.stop_if_asked()
            raise
        finally:
            accelerator.end_training()


def check_run(run: RunConfig) -> None:
    """Finds what cannot work, in an instant: before videos are read or rendered.

    Raises:
        ValueError: unknown model or option, no such checkpoint or device, or an output folder that cannot be had.
    """
    resolve_device(run.device)
    check_model(run)
    if run.output is not None:
        check_output(run.output)


def with_all_epochs(run: RunConfig, videos: int) -> RunConfig:
    """The run with the epochs that ``min_steps`` asks for on so many training videos."""
    steps_per_epoch = math.ceil(videos / run.optim.batch_size)
    epochs = max(run.optim.epochs, math.ceil(run.optim.min_steps / steps_per_epoch))
    return dataclasses.replace(run, optim=dataclasses.replace(run.optim, epochs=epochs))


def _facts(model: VideoMamba, accelerator: Accelerator) -> dict[str, Any]:
    return {
        "videomamba": videomamba.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": str(accelerator.device),
        "parameters": sum(p.numel() for p in model.parameters()),
        "architecture": dataclasses.asdict(model.config),
        "preprocessing": dataclasses.asdict(model.preprocessing),
    }


def _summary(facts: dict[str, Any], folder: RunFolder) -> str:
    clip = facts["preprocessing"]
    stride = "evenly over the video" if clip["stride"] is None else f"{clip['stride']} apart"
    return (
        f"{facts['parameters']:,} parameters, {clip['num_frames']} frames {stride} of "
        f"{clip['size'][0]} x {clip['size'][1]}, on {facts['device']}; writing {folder.path}"
    )
