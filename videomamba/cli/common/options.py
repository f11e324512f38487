"""Options that several commands share, and output: text for people on standard error, JSON on standard output."""

import json
import os
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console

from videomamba.errors import UserError

# the words after `videomamba`, for messages that say how to continue
invocation: ContextVar[tuple[str, ...]] = ContextVar("invocation", default=())


def option(metavar: str, help: str | None = None) -> Any:
    """The name shown for an option's value; a default of "not given" is not shown."""
    return tyro.conf.arg(metavar=metavar, help=help, help_behavior_hint=_default)


def _default(value: str) -> str:
    return "" if value == "None" else f"(default: {value})"


Device = Annotated[Literal["auto", "cpu", "cuda", "mps"], tyro.conf.arg(help="where to compute")]
Flag = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]
Json = Annotated[Flag, tyro.conf.arg(help="print the result as JSON on standard output")]
Checkpoint = Annotated[
    str,
    option(
        "CHECKPOINT",
        "model folder, run folder (its best/), file of Vim or OpenGVLab, published name, or Hub id",
    ),
]
Split = Annotated[
    str | None, option("FILE.csv", "csv file with columns path (relative to the videos' folder), label and split")
]
HoldOut = Annotated[str | None, option("COLUMN=VALUE,...", "the csv's rows to test on, by any column")]
Clips = Annotated[int, option("N", "clips of each video whose scores are averaged")]
TestClips = Annotated[
    int | None, option("N", "clips of each video whose scores are averaged; by default as the model was tested")
]
TestCrops = Annotated[
    int | None,
    option(
        "N", "crops of each clip, along the longer way, whose scores are averaged; by default as the model was tested"
    ),
]
Workers = Annotated[int | None, option("N", "processes that read videos (half of the cores, at most 8)")]

LeaveOut = Annotated[
    Path | None, option("FILE.csv", "leave out the videos that this file lists, as `videomamba check --csv` writes it")
]
SkipBroken = Annotated[
    int, option("N", "continue without up to N videos that cannot be read; they are listed, and others replace them")
]
InMemory = Annotated[Flag, tyro.conf.arg(help="decode each video once and keep it in memory, for small sets")]


def names_given(options: Mapping[str, object]) -> list[str]:
    """The options that are not at their defaults of None, False or nothing."""
    return [name for name, value in options.items() if not (value is None or value is False or value == ())]


def refuse(options: Mapping[str, object], because: str) -> None:
    """
    Raises:
        UserError: one of the options is given.
    """
    if there := names_given(options):
        raise UserError(f"{because}: leave out {', '.join(there)}")


def require_split(split: str | None, hold_out: str | None) -> None:
    """
    Raises:
        UserError: rows to hold out without a csv file.
    """
    if hold_out is not None and split is None:
        raise UserError(f"--hold-out {hold_out} needs --split FILE.csv, the file that has the column")


def people() -> Console:
    """A console on standard error; names of files and classes are printed as they are; of several processes only
    the first one prints."""
    return Console(stderr=True, highlight=False, markup=False, quiet=not is_first_process())


def is_first_process() -> bool:
    """Whether this is the one of several processes that prints and writes."""
    return os.environ.get("RANK", "0") == "0"  # torchrun and accelerate launch set it


def print_json(value: Any) -> None:
    """One JSON value on standard output, by the first of several processes."""
    if not is_first_process():
        return
    json.dump(value, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")
    sys.stdout.flush()  # raises here if the reader is gone


def default_workers() -> int:
    """Half of the cores read videos, at most 8; the other half computes."""
    from videomamba.machine import cores

    return min(8, max(1, cores() // 2))


def named_options(named: tuple[str, ...]) -> dict[str, str]:
    """Options of a data set's layout by name.

    Raises:
        UserError: something that is not ``NAME=VALUE``.
    """
    bad = next((text for text in named if "=" not in text), None)
    if bad is not None:
        raise UserError(f"--data-option {bad}: expected NAME=VALUE, such as keyframes=even:22")
    return dict(text.split("=", 1) for text in named)
