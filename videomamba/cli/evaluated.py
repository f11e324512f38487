"""A model tested on annotated data, with a bar; what the tasks' parts of ``videomamba evaluate`` share."""

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

if TYPE_CHECKING:
    from videomamba.tasks.task import Task


def run_evaluation(
    model: Any,
    task: "Task",
    part: Any,
    console: Console,
    *,
    batch_size: int,
    workers: int,
    device: str,
    num_clips: int = 1,
    num_crops: int = 1,
    skip_broken: int = 0,
) -> tuple[dict[str, Any], bool]:
    """The task's report on a part, and whether this is the process that speaks and writes."""
    from videomamba.engine import evaluate, evaluation_loader
    from videomamba.engine.broken import BrokenFiles
    from videomamba.engine.device import make_accelerator

    loader = evaluation_loader(
        task,
        part,
        model.preprocessing,
        batch_size=batch_size,
        workers=workers,
        num_clips=num_clips,
        num_crops=num_crops,
        skip_broken=skip_broken > 0,
    )
    broken = BrokenFiles(skip_broken, console)
    accelerator = make_accelerator(device)
    model, loader = accelerator.prepare(model, loader)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        batches = bar.add_task("evaluating", total=len(loader))
        report = evaluate(
            model,
            task,
            loader,
            accelerator,
            on_batch=lambda done, _: bar.update(batches, completed=done),
            on_broken=lambda indices: broken.met(loader.dataset, part, "test", indices),
        )
    return report, accelerator.is_main_process
