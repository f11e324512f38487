"""Tests a model on annotated data, with a progress bar; shared by the tasks of ``videomamba evaluate``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from videomamba.cli.common.options import default_workers
from videomamba.errors import UserError

if TYPE_CHECKING:
    from videomamba.tasks.task import Task


BATCH = 16  # videos at a time, where nothing is said


@dataclass(frozen=True)
class Request:
    """The options of ``videomamba evaluate``; None for those that are not given."""

    data: Path
    checkpoint: str
    part: str = "test"
    data_option: tuple[str, ...] = ()
    detections: Path | None = None
    predictions: Path | None = None
    report: Path | None = None
    compare: str | None = None
    split: str | None = None
    hold_out: str | None = None
    layout: str | None = None
    splits: int | None = None
    leave_out: Path | None = None
    skip_broken: int = 0
    clips: int | None = None
    crops: int | None = None
    batch_size: int | None = None
    device: str = "auto"
    workers: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("clips", 1), ("crops", 1), ("batch_size", 1), ("workers", 0), ("skip_broken", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UserError(f"--{name.replace('_', '-')} {value}; give at least {least}")


def run_evaluation(
    model: Any, task: "Task", part: Any, request: Request, console: Console
) -> tuple[dict[str, Any], bool]:
    """The task's report on a part, and whether this is the process that prints and writes."""
    from videomamba.engine import evaluate, evaluation_loader
    from videomamba.engine.broken import BrokenFiles
    from videomamba.engine.device import make_accelerator

    loader = evaluation_loader(
        task,
        part,
        model.preprocessing,
        batch_size=request.batch_size or BATCH,
        workers=default_workers() if request.workers is None else request.workers,
        num_clips=request.clips or 1,
        num_crops=request.crops or 1,
        skip_broken=request.skip_broken > 0,
    )
    broken = BrokenFiles(request.skip_broken, console)
    accelerator = make_accelerator(request.device)
    model, loader = accelerator.prepare(model, loader)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        batches = bar.add_task("evaluating", total=len(loader))
        report = evaluate(
            model,
            task,
            loader,
            accelerator,
            on_batch=lambda done, _: bar.update(batches, completed=done),
            on_broken=lambda indices: broken.met(loader.dataset, part, request.part, indices),
        )
    return report, accelerator.is_main_process
