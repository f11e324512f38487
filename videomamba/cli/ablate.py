"""``videomamba ablate``: one of the paper's studies on your data, as a table beside the paper's."""

import contextlib
import dataclasses
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from videomamba.cli.common.flags import OPTIONS, configured, errors_name_options, given, options
from videomamba.cli.common.options import Json, invocation, option, people, print_json, refuse
from videomamba.engine import RunConfig
from videomamba.engine.run_folder import RunFolder
from videomamba.errors import UserError
from videomamba.experiments import compare_shuffles, run_study, study_of
from videomamba.experiments.shuffle import find_runs
from videomamba.files import check_writable
from videomamba.recipes import RECIPES, folder

StudyName = Literal["order", "position", "shuffle", "frames", "width", "depth", "time", "pretrain"]
_made, _NONE = options(without=("seed", "output", "hold_out", "leave_out"))
if TYPE_CHECKING:
    _Options = dict[str, Any]
else:
    _Options = _made
# fields that mean something when finished runs are tested
_OF_TESTS = ("device", "batch_size", "workers")


def ablate(
    study: Annotated[StudyName, tyro.conf.Positional],
    data: Annotated[Path | None, option("DIR")] = None,
    recipe: Annotated[str | None, option("RECIPE")] = None,
    hold_out: Annotated[str | None, option("COLUMN=VALUE,...")] = None,
    leave_out: Annotated[str | None, option("COLUMN=V1,...;V2,...")] = None,
    splits: Annotated[str | None, option("N,...")] = None,
    seeds: Annotated[str, option("N,...")] = "0",
    starts: Annotated[tuple[str, ...], option("NAME=CHECKPOINT...")] = (),
    rows: Annotated[str | None, option("NAME,...")] = None,
    runs: Annotated[Path | None, option("DIR")] = None,
    output: Annotated[Path | None, option("DIR")] = None,
    jobs: Annotated[int, option("N")] = 1,
    json: Json = False,
    flags: _Options = _NONE,
) -> int:
    """Runs one of the paper's studies and writes its table: each variant with each seed on each fold.

    order: the three backward orders. position: the six position embeddings, from an image model. shuffle: a trained
    model tested with shuffled frames. frames: 8, 16, 32. width: 192, 384. depth: 4, 8, 12, 24 blocks. time: both
    directions, forward only. pretrain: from scratch and from --starts.
    Every run has a folder below --output. Finished runs are not repeated; after Ctrl-C or a crash the same command
    continues. Figures are those of the last epoch, never of the best one.

    Args:
        data: folder of the videos
        recipe: the recipe whose settings are varied, instead of those for a folder of videos
        hold_out: the csv's rows to test on, by any column
        leave_out: folds by a column of the csv; each list of values is held out in turn
        splits: which of a layout's published splits
        seeds: of the runs
        starts: checkpoints to compare (pretrain), or one for each row (not shuffle)
        rows: make only these, by the names of their folders, such as 8,32; the table has all that have finished
        runs: runs of another study, in DIR and below: equal ones are reused (shuffle: these are tested)
        output: the study's folder; by default runs/ablate-STUDY
        jobs: runs at a time, which share the cores
    """
    values = given(flags)
    output = output or Path("runs") / f"ablate-{study}"
    check_writable(output, folder=True)
    said: dict[str, Any] = {"console": people(), "command": shlex.join(["videomamba", *invocation.get()])}
    if study == "shuffle" and runs is not None:
        of_a_study: dict[str, object] = {
            "--data": data,
            "--recipe": recipe,
            "--hold-out": hold_out,
            "--leave-out": leave_out,
        }
        of_a_study |= {
            "--splits": splits,
            "--seeds": seeds != "0",
            "--starts": starts,
            "--jobs": jobs != 1,
            "--rows": rows,
        }
        of_a_study |= {OPTIONS[name].split()[0]: True for name in values if name not in _OF_TESTS}
        refuse(of_a_study, "shuffle with --runs tests these runs as they are")
        return _answer(compare_shuffles(find_runs(runs), output, **values, **said), json)
    if data is None:
        raise UserError("--data DIR is missing: the folder of the videos")
    if study == "frames":
        refuse({"--frames": "num_frames" in values}, "frames is what this study varies")
    if study == "pretrain":
        refuse({"--start": "start" in values}, "pretrain compares the checkpoints of --starts")
    tests = "--hold-out COLUMN=VALUE,..." if leave_out is None else "--leave-out COLUMN=V1,...;V2,..."
    names = {"starts": "--starts NAME=CHECKPOINT...", "jobs": "--jobs N", "rows": "--rows NAME,..."}
    with errors_name_options(**names, hold_out=tests, seed="--seeds N"):
        named = _named(starts)
        base = _base(data, recipe, values, start=next(iter(named.values()), None), jobs=jobs)
        varied = study_of(study, start=base.model.start, starts=named)
        numbers, folds = _numbers("seeds", seeds), _folds(hold_out, leave_out, splits)
        only = None if rows is None else rows.split(",")
        with _goes_on():
            how: dict[str, Any] = {"seeds": numbers, "folds": folds, "jobs": jobs, "rows": only, "runs": runs}
            figures = run_study(varied, base, output, **how, **said)
        if study != "shuffle":
            return _answer({"table": output / "table.md", "runs": [dataclasses.asdict(f) for f in figures]}, json)
        if not figures:
            raise UserError(
                f"{output} holds no finished run to test: another process makes it; wait until it has ended"
            )
        how = {"device": base.device, "batch_size": base.optim.batch_size, "workers": base.data.workers}
        made = {str(figure.run.relative_to(output)): RunFolder(figure.run) for figure in figures}
        return _answer(compare_shuffles(made, output, **how, **said), json)


def _answer(value: Mapping[str, Any], json: bool) -> int:
    if json:
        print_json(value)
    return 0


@contextlib.contextmanager
def _goes_on() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(
            f"{str(stop) or 'stopped'}; finished runs are kept; the same command continues"
        ) from stop


def _base(data: Path, recipe: str | None, values: dict[str, Any], *, start: str | None, jobs: int) -> RunConfig:
    """The run that all differ from; ``start`` says whether it is fine-tuned where --start does not.

    Raises:
        UserError: no such recipe, or a value that is not allowed.
    """
    if recipe is not None and recipe not in RECIPES:
        raise UserError(f"unknown recipe {recipe!r}; choose one of {', '.join(RECIPES)}")
    if jobs > 1:
        values = {"workers": 0, **values}
    if recipe is not None:
        return configured(RECIPES[recipe](data), values)
    values = {"name": "videomamba_nano", "start": None, **values}
    return configured(folder(data, start=values["start"] or start), values)


def _folds(hold_out: str | None, leave_out: str | None, splits: str | None) -> dict[str, dict[str, Any]]:
    """Name -> fields of the data's configuration.

    Raises:
        UserError: folds named in two ways, or that cannot be read.
    """
    if sum(given is not None for given in (hold_out, leave_out, splits)) > 1:
        raise UserError("give only one of --hold-out, --leave-out and --splits: each says what is tested on")
    if splits is not None:
        return {str(number): {"fold": number} for number in _numbers("splits", splits)}
    if leave_out is not None:
        column, equals, lists = leave_out.partition("=")
        if not equals or not all(lists.split(";")):
            raise UserError(f"--leave-out {leave_out}: expected COLUMN=V1,V2;V3,V4;..., a list of values for each fold")
        return {str(i): {"hold_out": f"{column}={values}"} for i, values in enumerate(lists.split(";"), start=1)}
    return {"": {} if hold_out is None else {"hold_out": hold_out}}


def _numbers(name: str, text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--{name} {text}: expected whole numbers such as 0,1,2") from None
    if len(set(numbers)) < len(numbers):
        raise UserError(f"--{name} {text}: a number occurs twice")
    return numbers


def _named(starts: Sequence[str]) -> dict[str, str]:
    named = {}
    for text in starts:
        name, equals, path = text.partition("=")
        if not equals or not name or not path or "/" in name:
            raise UserError(f"--starts {text}: expected NAME=CHECKPOINT")
        if name in (".", ".."):
            raise UserError(f"--starts {text}: {name} is no name for a folder; choose another")
        if name in named:
            raise UserError(f"--starts {text}: the name {name} occurs twice; give each checkpoint a name of its own")
        named[name] = path
    return named
