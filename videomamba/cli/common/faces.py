"""Each task's output and options at the command line: how a checkpoint is evaluated, and what to do after training."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from videomamba.cli.common import detection, recognition, segmentation
from videomamba.cli.common.evaluation import Request
from videomamba.cli.common.options import names_given
from videomamba.errors import UserError

if TYPE_CHECKING:
    from videomamba.engine import RunConfig
    from videomamba.experiments import RunResult
    from videomamba.models import TrainedModel


@dataclass(frozen=True)
class Face:
    """One task at the command line.

    Attributes:
        kind: what its checkpoints are called.
        options: those of ``evaluate`` that only some tasks have, and this one has.
        evaluate: the figures of a checkpoint, shown to people; None in all processes but the first.
        after_training: lines with figures, and commands that use the run.
    """

    kind: str
    options: frozenset[str]
    evaluate: Callable[[Any, Request, Console], dict[str, Any] | None]
    after_training: Callable[["RunConfig", "RunResult"], tuple[Sequence[str], Sequence[Sequence[object]]]]


FACES: Mapping[str, Face] = {
    "recognition": Face(
        "a recogniser",
        frozenset(
            {
                *("split", "hold_out", "layout", "splits", "clips", "crops", "batch_size", "workers"),
                *("leave_out", "skip_broken", "report", "compare"),
            }
        ),
        recognition.evaluate,
        recognition.after_training,
    ),
    "detection": Face(
        "a detector",
        frozenset({"data_option", "detections", "batch_size", "workers"}),
        detection.evaluate,
        detection.after_training,
    ),
    "segmentation": Face(
        "a segmenter",
        frozenset({"data_option", "predictions", "splits"}),
        segmentation.evaluate,
        segmentation.after_training,
    ),
}


def evaluated(model: "TrainedModel", request: Request, console: Console) -> dict[str, Any] | None:
    """The figures of a checkpoint by its task.

    Raises:
        UserError: an option that does not apply to this kind of checkpoint.
    """
    from videomamba.tasks.catalogue import task_of

    face = FACES[task_of(model)]
    of_some = {name for each in FACES.values() for name in each.options}
    usual = {name: getattr(Request(Path(), ""), name) for name in of_some - face.options}
    given = names_given({name: getattr(request, name) for name in usual if getattr(request, name) != usual[name]})
    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(given))
        raise UserError(f"{request.checkpoint} is {face.kind}: {names} cannot be used with it")
    return face.evaluate(model, request, console)


def tell(run: "RunConfig", result: "RunResult", console: Console) -> None:
    """Lines for people: the figures reached, where the models are, and how to use them."""
    figures, commands = FACES[run.task].after_training(run, result)
    for line in figures:
        console.print(line, soft_wrap=True)
    for command in commands:
        console.print(f"next: {shlex.join(map(str, command))}", soft_wrap=True)
