"""Training: from a configuration and videos to a run folder that is whole at every moment."""

import dataclasses
import math
import platform
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, set_seed
from rich.console import Console

import videomamba
from videomamba.data.loader import loader_failures
from videomamba.engine.config import RunConfig
from videomamba.engine.data import Splits, left_out
from videomamba.engine.device import check_trackers, make_accelerator, resolve_device, track
from videomamba.engine.interrupt import InterruptFlag
from videomamba.engine.model import build_model, check_model
from videomamba.engine.run_folder import RUNS, RunFolder, check_output
from videomamba.engine.sharding import check_processes
from videomamba.engine.trainer import Trainer, TrainResult
from videomamba.errors import UserError
from videomamba.files import check_writable
from videomamba.models import PretrainedModel
from videomamba.tasks.task import Task


def train(
    run: RunConfig,
    task: Task,
    splits: Splits,
    *,
    model: PretrainedModel | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> TrainResult:
    """Trains as the run says and writes its folder.

    The same call in one process and under ``torchrun`` or ``accelerate launch``, where each process takes its share of
    ``batch_size * processes`` clips and the first one writes.

    Args:
        run: the configuration.
        task: loss and metrics; ``task.headline`` picks the best epoch, a lower test loss breaks ties.
        splits: training and test videos; with ``val`` between them, that part picks the best epoch, and the test part
            is tested once, after the last one.
        model: instead of the one that ``run.model`` describes, such as an :class:`videomamba.models.OwnModel`; its
            ``preprocessing`` says what it is fed.
        resume: go on with the run in ``run.output``, from its newest checkpoint.
        console: for the progress bar; standard error by default.

    Raises:
        UserError: a model, device or output folder that cannot be had.
        TrainingError: the loss is no longer finite.
        LoaderError: loader processes were killed, or memory ran out.
        TrainingInterrupted: Ctrl-C or SIGTERM, after a checkpoint is written.
    """
    check_run(run, resume=resume, own_model=model is not None)  # before a folder is made
    accelerator = make_accelerator(run.device, accumulate=run.optim.accumulate)
    if run.optim.fsdp:
        check_processes(accelerator.num_processes)
    run = with_total_batch(run, accelerator.num_processes)
    run = with_all_epochs(run, len(splits["train"]), accelerator.num_processes)
    set_seed(run.seed)
    if model is None:
        options = getattr(splits["train"], "model_options", {})
        model = build_model(run, splits["train"].class_names, **options)
    elif model.class_names is not None and tuple(model.class_names) != tuple(splits["train"].class_names):
        names = splits["train"].class_names
        raise UserError(
            f"the model's {len(model.class_names)} class names are not the data's {len(names)} in their order: "
            f"{', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
        )
    task.check_model(model)
    if run.optim.grad_checkpointing:
        model.set_grad_checkpointing()
    folder = open_folder(run, accelerator, resume=resume)
    track(accelerator, run.trackers, folder.path)
    facts = _facts(model, accelerator)
    if resume:
        folder.check_config(run)
        folder.check_splits(splits, run.data.root, left_out=left_out(run.data))
    if accelerator.is_main_process:
        folder.write_config(run, facts=facts)  # first: it makes the folder one that can be resumed
        folder.write_splits(splits, run.data.root)
    accelerator.wait_for_everyone()
    console = console or Console(stderr=True)
    if not accelerator.is_main_process:
        console = Console(quiet=True)
    console.print(_summary(facts, model, folder), soft_wrap=True, highlight=False, markup=False)
    with loader_failures(), InterruptFlag() as flag:
        trainer = Trainer(run, task, splits, model, folder, accelerator, flag)
        if resume and trainer.resume():
            at = trainer.at
            console.print(f"resuming in epoch {at.epoch}, after step {at.step}", highlight=False)
        accelerator.init_trackers("videomamba", init_kwargs={"tensorboard": {"purge_step": trainer.at.epoch}})
        try:
            result = trainer.fit(console)
        finally:
            for tracker in accelerator.trackers:  # end_training would end the processes' group too
                tracker.finish()
    if accelerator.is_main_process:
        folder.write_result({"best": result.best, "last": result.last, "views": result.views, "test": result.test})
    accelerator.wait_for_everyone()
    return result


def check_run(run: RunConfig, *, resume: bool = False, own_model: bool = False) -> None:
    """Finds what cannot work, in an instant: before videos are read or rendered.

    Raises:
        UserError: unknown model or option, no such checkpoint or device, or an output folder that cannot be had.
    """
    resolve_device(run.device)
    check_trackers(run.trackers)
    if not own_model:
        check_model(run)
    if run.output is not None:
        check_output(run.output, resume=resume)
    elif resume:
        raise UserError("to resume, name the folder of the run to go on with as its output")
    else:
        check_writable(RUNS, folder=True)


def open_folder(run: RunConfig, accelerator: Accelerator, *, resume: bool) -> RunFolder:
    """The run's folder, made by the first process and known to all."""
    path = [str(RunFolder.of(run, resume=resume).path) if accelerator.is_main_process else ""]
    broadcast_object_list(path)
    return RunFolder(Path(path[0]))


def with_total_batch(run: RunConfig, processes: int) -> RunConfig:
    """The run with the ``batch_size`` that ``total_batch`` leaves to each process and each accumulated batch.

    Raises:
        UserError: it cannot be shared evenly.
    """
    total, parts = run.optim.total_batch, processes * run.optim.accumulate
    if total is None:
        return run
    if total % parts:
        raise UserError(
            f"{run.name} takes steps of {total} clips, which {processes} processes with {run.optim.accumulate} batches "
            "a step cannot share evenly; give --accumulate another number, or --batch-size"
        )
    return dataclasses.replace(run, optim=dataclasses.replace(run.optim, batch_size=total // parts))


def with_all_epochs(run: RunConfig, videos: int, processes: int = 1) -> RunConfig:
    """The run with the epochs that ``min_steps`` asks for on so many training videos."""
    steps_per_epoch = math.ceil(videos / (run.optim.batch_size * processes * run.optim.accumulate))
    epochs = max(run.optim.epochs, math.ceil(run.optim.min_steps / steps_per_epoch))
    return dataclasses.replace(run, optim=dataclasses.replace(run.optim, epochs=epochs))


def _facts(model: PretrainedModel, accelerator: Accelerator) -> dict[str, Any]:
    return {
        "videomamba": videomamba.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": str(accelerator.device),
        "parameters": sum(p.numel() for p in model.parameters()),
        "architecture": dataclasses.asdict(model.config),
        "preprocessing": dataclasses.asdict(model.preprocessing),
    }


def _summary(facts: dict[str, Any], model: PretrainedModel, folder: RunFolder) -> str:
    return f"{facts['parameters']:,} parameters, {model.preprocessing}, on {facts['device']}; writing {folder.path}"
