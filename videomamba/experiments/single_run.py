"""One run, from its configuration to its folder."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import Progress

from videomamba.data.splits import Splits
from videomamba.engine import RunConfig, check_place, load_splits, train
from videomamba.engine.device import make_accelerator
from videomamba.engine.model import describe_model, read_start
from videomamba.engine.result import TrainResult
from videomamba.engine.trainer import OnStep
from videomamba.models.weights.checkpoint import Checkpoint
from videomamba.tasks.catalogue import make_task


@dataclass(frozen=True, kw_only=True)
class RunResult(TrainResult):
    """What came out of a run, and the videos that it trained and tested on."""

    splits: Splits


def run(
    config: RunConfig,
    *,
    console: Console | None = None,
    resume: bool = False,
    start: Checkpoint | None = None,
    splits: Splits | None = None,
    on_step: OnStep | None = None,
) -> RunResult:
    """Reads or renders the videos, trains, tests, and writes the run's folder.

    Args:
        config: the run.
        console: told what happens; standard error by default.
        resume: continue the run in ``config.output``, from its newest checkpoint.
        start: the checkpoint that ``config.model.start`` names, where it was read already.
        splits: the run's videos, where they were listed already; with ``in_memory``, runs on the same ones decode them
            once.
        on_step: see :func:`videomamba.engine.train`.

    Raises:
        UserError: what cannot work, as far as possible before videos are read.
        TrainingInterrupted: Ctrl-C or SIGTERM, after a checkpoint is written.

    Example:
        >>> from pathlib import Path
        >>> from videomamba.recipes import folder
        >>> result = run(folder(Path("clips")))  # doctest: +SKIP
        >>> result.folder, result.last["top1"]  # doctest: +SKIP
        (PosixPath('runs/clips-20261126-101500'), 0.975)
    """
    console = console or Console(stderr=True, highlight=False, markup=False)
    start = check(config, resume=resume, start=start)
    splits = read_splits(config, console) if splits is None else splits
    task = make_task(config.task, splits.train.class_names, label_smoothing=config.optim.label_smoothing)
    result = train(config, task, splits, start=start, resume=resume, console=console, on_step=on_step)
    return RunResult(**vars(result), splits=splits)


def check(config: RunConfig, *, resume: bool = False, start: Checkpoint | None = None) -> Checkpoint | None:
    """Finds what cannot work before videos are read or rendered, without making the model.

    Returns:
        The checkpoint that the run begins from; None from scratch.

    Raises:
        UserError: unknown model or option, a model that is not this task's, no such checkpoint or device, or an output
            folder that cannot be had.
    """
    check_place(config, resume=resume)
    start = start or read_start(config)
    task = make_task(config.task, ("one class", "another"), label_smoothing=config.optim.label_smoothing)
    task.check_model(describe_model(config, start))
    return start


def read_splits(config: RunConfig, console: Console) -> Splits:
    """The videos of a run, rendered first where the run asks for it; says what there is to know of them.

    Raises:
        UserError: they cannot be read.
    """
    if config.data.synthetic is not None and not config.data.root.exists():
        console.print(f"rendering {type(config.data.synthetic).__name__} to {config.data.root}", soft_wrap=True)
    if config.data.archive is not None and not config.data.root.exists():
        console.print(f"unpacking {config.data.archive} to {config.data.root}", soft_wrap=True)
    first = make_accelerator(config.device).main_process_first()  # renders, and the others find its videos
    with first, Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        splits = load_splits(config.data, seed=config.seed, progress=_rendering(bar))
    for name, part in splits.items():
        for note in part.notes:
            console.print(f"note: {note}", soft_wrap=True)
        if part.published is not None and part.published > len(part):
            console.print(f"note: {len(part)} of the {part.published} videos of the {name} part are here")
    classes = len(splits.train.class_names)
    console.print(f"{len(splits.train)} to train, {len(splits.test)} held out, {classes} classes", soft_wrap=True)
    return splits


def _rendering(bar: Progress) -> Callable[[int, int], Any]:
    task = bar.add_task("rendering", visible=False)
    return lambda done, total: bar.update(task, completed=done, total=total, visible=True)
