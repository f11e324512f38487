"""``videomamba train``: a recipe, or a folder of your own videos."""

import contextlib
import dataclasses
import difflib
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.console import Console

from videomamba.cli.common.faces import tell
from videomamba.cli.common.flags import configured, errors_name_options, given, options
from videomamba.cli.common.options import Flag, Json, invocation, named_options, option, people, print_json
from videomamba.engine import RunConfig, TrainingInterrupted
from videomamba.errors import FieldError, UserError
from videomamba.experiments import run, run_splits
from videomamba.files import read_csv_lines
from videomamba.recipes import RECIPES, folder

_made, _NONE = options()
if TYPE_CHECKING:
    _Options = dict[str, Any]
else:
    _Options = _made


def train(
    what: Annotated[str, tyro.conf.Positional, option("DIR|RECIPE")],
    data: Annotated[Path | None, tyro.conf.Positional, option("DIR|ZIP")] = None,
    data_option: Annotated[tuple[str, ...], option("NAME=VALUE...")] = (),
    splits: Annotated[int | Literal["all"] | None, option("N|all")] = None,
    resume: Flag = False,
    json: Json = False,
    flags: _Options = _NONE,
) -> int:
    """Trains a model on videos, from scratch or from a checkpoint.

    A folder has one folder per class in it, or train/ and test/ with one folder per class each; with val/ beside them,
    the best epoch is chosen on that part. Without these and without --split, about a fifth of every class is held out
    for the test. Options that are not given come from the recipe (`videomamba recipes NAME`). After Ctrl-C or a crash
    the same command with --output and --resume continues. On several GPUs or machines: `torchrun --nproc-per-node N -m
    videomamba.cli.main train ...`, or `accelerate launch`; each process takes its own batches.

    Args:
        what: a folder of videos, or a recipe's name (a folder of that name is ./NAME)
        data: where a recipe's videos are, or are rendered to; for `images` a folder or a zip archive of pictures
        data_option: how a recipe's annotations are read, such as keyframes=even:22 (see docs/detection.md)
        splits: which of a data set's published splits (the first), or all, one after the other, and their mean
        resume: continue the run in --output
    """
    console, values = people(), given(flags)
    with errors_name_options():
        config = configured(_recipe(what, data, values.get("start")), values)
        if "inflation" in values and config.model.start is None:
            raise FieldError("{inflation} needs {start}, the image model to begin from", "inflation", "start")
        changes: dict[str, Any] = {"options": {**config.data.options, **named_options(data_option)}}
        if isinstance(splits, int):
            changes["fold"] = splits
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, **changes))
        _point_out_csv(config, console)
        with says_how_to_go_on(config):
            if splits == "all":
                means = run_splits(config, console=console, resume=resume)
            else:
                result = run(config, console=console, resume=resume)
    if splits == "all":
        answer = means
    else:
        tell(config, result, console)
        answer = {"run": result.folder, "best": result.best, "last": result.last}
    if json:
        print_json(answer)
    return 0


@contextlib.contextmanager
def says_how_to_go_on(config: RunConfig, words: Sequence[str] | None = None) -> Iterator[None]:
    """Ends an interrupted run by printing the command that resumes it."""
    try:
        yield
    except TrainingInterrupted as stop:
        words = [word for word in invocation.get() if word != "--resume"] if words is None else words
        where = [] if config.output is not None else ["--output", str(stop.folder)]
        command = shlex.join(["videomamba", *words, *where, "--resume"])
        raise KeyboardInterrupt(f"{stop}; go on with: {command}") from stop


def _recipe(what: str, data: Path | None, start: str | None) -> RunConfig:
    """The recipe that ``what`` names, else the one for a folder."""
    if what in RECIPES:
        config = RECIPES[what](data)
        made_first = config.data.synthetic is not None or config.data.archive is not None
        if not made_first and not config.data.root.is_dir():
            raise UserError(
                f"{config.data.root} is not a folder; `videomamba train {what} DIR` names the one of its data"
            )
        return config
    near = difflib.get_close_matches(what, RECIPES, n=3)
    there_are = f"did you mean {' or '.join(near)}?" if near else "`videomamba recipes` lists them"
    if data is not None:
        raise UserError(
            f"{str(data)!r} is given as the data of a recipe, and {what!r} is not a recipe ({there_are}); a folder is "
            "given alone"
        )
    if not Path(what).is_dir():
        raise UserError(f"there is no folder {what!r} and no recipe of that name: {there_are}")
    return folder(Path(what), start=start)


def _columns(file: Path) -> list[str]:
    try:
        return next(read_csv_lines(file), (1, []))[1]
    except UserError:
        return []


def _point_out_csv(config: RunConfig, console: Console) -> None:
    """One line about a csv file that lies with the videos and is not used."""
    data = config.data
    if data.split is not None or data.synthetic is not None or data.layout != "folder":
        return
    for found in (data.root / "clips.csv", data.root.parent / "clips.csv"):
        if found.is_file():
            columns = _columns(found)
            hold_out = "" if "split" in columns else f" --hold-out COLUMN=VALUE,... (it has {', '.join(columns)})"
            console.print(f"note: {found} is not used; --split {found}{hold_out} would split by it", soft_wrap=True)
            return
