"""Training: from a configuration and videos to a run folder that is whole at every moment."""

import contextlib
import dataclasses
import math
import platform
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, set_seed
from rich.console import Console

import videomamba
from videomamba.data.loader import loader_failures
from videomamba.data.splits import Splits
from videomamba.engine.config import RunConfig
from videomamba.engine.data import left_out
from videomamba.engine.device import check_trackers, make_accelerator, track
from videomamba.engine.interrupt import InterruptFlag
from videomamba.engine.model import build_model
from videomamba.engine.result import TrainResult
from videomamba.engine.run_folder import RUNS, RunFolder, check_output, facts_of
from videomamba.engine.sharding import check_processes
from videomamba.engine.trainer import OnStep, Trainer
from videomamba.errors import FieldError, UserError
from videomamba.files import check_writable
from videomamba.inference.device import resolve_device
from videomamba.locks import locked
from videomamba.models import PretrainedModel
from videomamba.models.weights.checkpoint import Checkpoint
from videomamba.tasks.task import Task


def train(
    run: RunConfig,
    task: Task,
    splits: Splits,
    *,
    model: PretrainedModel | None = None,
    start: Checkpoint | None = None,
    resume: bool = False,
    console: Console | None = None,
    on_step: OnStep | None = None,
) -> TrainResult:
    """Trains as the run says and writes its folder.

    The same call in one process and under ``torchrun`` or ``accelerate launch``, where each process takes its share of
    ``batch_size * processes`` clips and the first one writes.

    Args:
        run: the configuration.
        task: loss and metrics; ``task.headline`` picks the best epoch, a lower test loss breaks ties.
        splits: training and test videos; where there is a part ``val``, it picks the best epoch, and the test part is
            tested once, after the last one.
        model: instead of the one that ``run.model`` describes, such as an :class:`videomamba.models.CustomModel`; its
            ``preprocessing`` says what it is fed.
        start: the checkpoint that ``run.model.start`` names, where it was read already.
        resume: continue the run in ``run.output``, from its newest checkpoint.
        console: for the progress bar; standard error by default.
        on_step: called after each batch with the trainer and the batch's loss; may set ``trainer.flag.requested``.

    Raises:
        UserError: a model, device or output folder that cannot be had.
        InUseError: another run works in the output folder.
        TrainingError: the loss is no longer finite.
        LoaderError: loader processes were killed, or memory ran out.
        TrainingInterrupted: Ctrl-C or SIGTERM, after a checkpoint is written.
    """
    check_place(run, resume=resume)
    accelerator = make_accelerator(run.device, accumulate=run.optim.accumulate)
    if run.optim.fsdp:
        check_processes(accelerator.num_processes)
    asked = with_total_batch(run, accelerator.num_processes)  # what two runs are compared by
    run = with_all_epochs(asked, len(splits.train), accelerator.num_processes)
    names = tuple(splits.train.class_names)
    set_seed(run.seed)
    if model is None:
        model = build_model(run, names, start=start, **splits.train.model_options)
    elif model.class_names is not None and tuple(model.class_names) != names:
        raise UserError(
            f"the model's {len(model.class_names)} class names are not the data's {len(names)} in their order: "
            f"{', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
        )
    task.check_model(model)
    model.check_savable()
    if run.optim.grad_checkpointing:
        model.set_grad_checkpointing()
    with open_folder(run, accelerator, resume=resume) as folder:
        track(accelerator, run.trackers, folder.path)
        facts = {"epochs": run.optim.epochs, **_facts(model, accelerator)}
        if resume:
            folder.check_config(asked, facts)
            folder.check_splits(splits, run.data.root, left_out=left_out(run.data))
        if accelerator.is_main_process:
            folder.write_config(asked, facts=facts)  # first: it makes the folder one that can be resumed
            folder.write_splits(splits, run.data.root)
        accelerator.wait_for_everyone()
        console = console or Console(stderr=True)
        if not accelerator.is_main_process:
            console = Console(quiet=True)
        console.print(_summary(facts, model, folder), soft_wrap=True, highlight=False, markup=False)
        with loader_failures(), InterruptFlag() as flag:
            trainer = Trainer(run, task, splits, model, folder, accelerator, flag, console, on_step=on_step)
            if resume and trainer.resume():
                at = trainer.at
                console.print(f"resuming in epoch {at.epoch}, after step {at.step}", highlight=False)
            accelerator.init_trackers("videomamba", init_kwargs={"tensorboard": {"purge_step": trainer.at.epoch}})
            try:
                result = trainer.fit()
            finally:
                for tracker in accelerator.trackers:  # end_training would end the processes' group too
                    tracker.finish()
        if accelerator.is_main_process:
            folder.write_result({n: value for n, value in vars(result).items() if n != "folder"})
        accelerator.wait_for_everyone()
    return result


def check_place(run: RunConfig, *, resume: bool = False) -> None:
    """Finds in an instant where a run cannot take place.

    Raises:
        UserError: no such device or tracker, or an output folder that cannot be had.
    """
    resolve_device(run.device)
    check_trackers(run.trackers)
    if run.output is not None:
        check_output(run.output, resume=resume)
    elif resume:
        raise FieldError("{resume} needs {output}, the folder of the run to resume", "resume", "output")
    else:
        check_writable(RUNS, folder=True)


@contextlib.contextmanager
def open_folder(run: RunConfig, accelerator: Accelerator, *, resume: bool) -> Iterator[RunFolder]:
    """The run's folder, made by the first process and known to all; no other run can work in it meanwhile.

    Raises:
        InUseError: another run works in it.
        UserError: see :func:`videomamba.engine.run_folder.check_output`.
    """
    with contextlib.ExitStack() as held:
        told: list[Path | UserError | None] = [None]
        if accelerator.is_main_process:
            try:
                folder = RunFolder.of(run).path
                held.enter_context(locked(folder))
                check_output(folder, resume=resume)
                told = [folder]
            except UserError as error:  # which ends all of the processes
                told = [error]
        broadcast_object_list(told)
        if isinstance(told[0], UserError):
            raise told[0]
        assert told[0] is not None
        yield RunFolder(told[0])


def with_total_batch(run: RunConfig, processes: int) -> RunConfig:
    """The run with the ``batch_size`` that ``total_batch`` leaves to each process and each accumulated batch.

    Raises:
        UserError: it cannot be shared evenly.
    """
    total, parts = run.optim.total_batch, processes * run.optim.accumulate
    if total is None:
        return run
    if total % parts:
        raise FieldError(
            f"{run.name} takes steps of {total} clips, which {processes} processes with {run.optim.accumulate} batches "
            "per step cannot share evenly; give {accumulate} another value, or {batch_size}",
            "accumulate",
            "batch_size",
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
        "command": _command(),
        "device": str(accelerator.device),
        "parameters": sum(p.numel() for p in model.parameters()),
        **facts_of(model),
    }


def _command() -> str:
    """The words that started this process."""
    program = Path(sys.argv[0])
    is_ours = program.parts[-3:] == ("videomamba", "cli", "main.py")
    return shlex.join(["videomamba" if is_ours else program.name, *sys.argv[1:]])


def _summary(facts: dict[str, Any], model: PretrainedModel, folder: RunFolder) -> str:
    return f"{facts['parameters']:,} parameters, {model.preprocessing}, on {facts['device']}; writing {folder.path}"
