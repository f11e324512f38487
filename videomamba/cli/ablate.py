"""``videomamba ablate``: one of the paper's studies on your data, as a table beside the paper's."""

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.console import Console

from videomamba.cli.annotated import Layout
from videomamba.cli.options import (
    Device,
    Flag,
    HoldOut,
    InMemory,
    Json,
    Split,
    Workers,
    invocation,
    names_given,
    option,
    people,
    print_json,
    require_split,
)
from videomamba.cli.overrides import overridden
from videomamba.errors import UserError
from videomamba.files import check_writable

if TYPE_CHECKING:
    from videomamba.engine import RunConfig
    from videomamba.studies.cells import Cell
    from videomamba.studies.published import Study
    from videomamba.studies.table import Figure

StudyName = Literal["order", "position", "shuffle", "frames", "width", "pretrain"]


def ablate(
    study: Annotated[StudyName, tyro.conf.Positional],
    data: Annotated[Path | None, option("DIR")] = None,
    recipe: Annotated[str | None, option("RECIPE")] = None,
    split: Split = None,
    hold_out: HoldOut = None,
    leave_out: Annotated[str | None, option("COLUMN=V1,...;V2,...")] = None,
    layout: Layout = None,
    splits: Annotated[str | None, option("N,...")] = None,
    seeds: Annotated[str, option("N,...")] = "0",
    start: Annotated[str | None, option("CHECKPOINT")] = None,
    starts: Annotated[tuple[str, ...], option("NAME=CHECKPOINT...")] = (),
    runs: Annotated[Path | None, option("DIR")] = None,
    model: Annotated[str | None, option("NAME")] = None,
    frames: Annotated[int | None, option("N")] = None,
    stride: Annotated[int | Literal["uniform"] | None, option("N|uniform")] = None,
    size: Annotated[int | tuple[int, int] | None, option("PIXELS|HEIGHT WIDTH")] = None,
    epochs: Annotated[int | None, option("N")] = None,
    batch_size: Annotated[int | None, option("N")] = None,
    lr: Annotated[float | None, option("X")] = None,
    no_flip: Flag = False,
    output: Annotated[Path | None, option("DIR")] = None,
    jobs: Annotated[int, option("N")] = 1,
    device: Device = "auto",
    workers: Workers = None,
    in_memory: InMemory = False,
    json: Json = False,
) -> int:
    """Runs one of the paper's studies and writes its table: each variant with each seed on each fold.

    order: the three backward orders. position: the six position embeddings, from an image model. shuffle: a trained
    model tested with shuffled frames. frames: 8, 16, 32. width: 192, 384. pretrain: from scratch and from --starts.
    Every run has a folder below --output; runs that are over are not made again, and after Ctrl-C or a crash the same
    command goes on. Figures are the last epoch's, never the best one's.

    Args:
        data: folder of the videos
        recipe: whose settings to vary, instead of those for a folder of videos
        leave_out: folds by a column of the csv, each list of values held out in turn
        splits: which of a layout's published splits
        seeds: of the runs
        start: checkpoint that all runs begin from
        starts: checkpoints to compare (pretrain), or one for each variant (width)
        runs: runs of another study in DIR and below: equal ones are taken from there (shuffle: these are tested)
        model: name of an architecture (videomamba_nano)
        frames: frames of a clip
        stride: source frames from one frame of a clip to the next, or uniform: evenly over the whole video
        size: frame size that the model sees, one number or height and width
        epochs: rounds through the training videos
        batch_size: clips of one batch
        lr: learning rate at the top of its schedule
        no_flip: never turn training clips left to right
        output: the study's folder; by default runs/ablate-STUDY
        jobs: runs at a time, which share the cores
    """
    require_split(split, hold_out or leave_out)
    output = output or Path("runs") / f"ablate-{study}"
    check_writable(output, folder=True)
    console = people()
    command = shlex.join(["videomamba", *invocation.get()])
    if study == "shuffle" and runs is not None:
        given = {
            "--data": data,
            "--recipe": recipe,
            "--split": split,
            "--hold-out": hold_out,
            "--leave-out": leave_out,
            "--layout": layout,
            "--splits": splits,
            "--seeds": seeds != "0",
            "--start": start,
            "--starts": starts,
            "--model": model,
            "--frames": frames,
            "--stride": stride,
            "--size": size,
            "--epochs": epochs,
            "--lr": lr,
            "--no-flip": no_flip,
            "--jobs": jobs != 1,
            "--in-memory": in_memory,
        }
        _refuse(given, "shuffle with --runs tests these runs as they are")
        tested = [(folder, str(folder.relative_to(runs))) for folder in _found(runs)]
        return _test_shuffled(tested, output, command, device, batch_size or 16, workers, console, json)
    if data is None:
        raise UserError("--data DIR is missing: the folder of the videos")
    if study == "frames":
        _refuse({"--frames": frames}, "frames is what this study varies")
    if study == "pretrain":
        _refuse({"--start": start}, "pretrain compares the checkpoints of --starts")
    named = _named(starts)
    base = overridden(
        _base(data, recipe, start or next(iter(named.values()), None)),
        split=split,
        layout=layout,
        frames=frames,
        stride=stride,
        size=size,
        flip=False if no_flip else None,
        workers=0 if workers is None and jobs > 1 else workers,
        in_memory=in_memory,
        model=model or (None if recipe else "videomamba_nano"),
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
    )
    base = dataclasses.replace(base, device=device, model=dataclasses.replace(base.model, start=start))
    what = _study(study, base, named)
    from videomamba.studies.cells import make_cells

    folds = _folds(hold_out, leave_out, splits)
    cells = make_cells(what, base, output, seeds=_numbers("seeds", seeds), folds=folds)
    figures = _run(what, cells, output, jobs, runs, command, console)
    if study == "shuffle":
        tested = [(figure.run, str(figure.run.relative_to(output))) for figure in figures]
        return _test_shuffled(tested, output, command, device, base.optim.batch_size, workers, console, json)
    if json:
        print_json({"table": output / "table.md", "runs": [dataclasses.asdict(figure) for figure in figures]})
    return 0


def _refuse(given: Mapping[str, object], because: str) -> None:
    """
    Raises:
        UserError: one of the options is given.
    """
    if options := names_given(given):
        raise UserError(f"{because}: leave out {', '.join(options)}")


def _base(data: Path, recipe: str | None, start: str | None) -> "RunConfig":
    from videomamba.recipes import RECIPES, folder

    if recipe is None:
        return folder(data, start=start)
    if recipe not in RECIPES:
        raise UserError(f"unknown recipe {recipe!r}; choose one of {', '.join(RECIPES)}")
    return RECIPES[recipe](data)


def _study(name: str, base: "RunConfig", starts: Mapping[str, str]) -> "Study":
    """The study that a name stands for, for these checkpoints.

    Raises:
        UserError: a checkpoint is missing, or one too many.
    """
    from videomamba.studies.published import STUDIES, Study, Variant, pretrain

    if name == "pretrain":
        if not starts:
            raise UserError("pretrain compares checkpoints: give --starts NAME=CHECKPOINT...")
        return pretrain(starts, {key: _is_image_model(path) for key, path in starts.items()})
    if name == "shuffle":
        return Study("shuffle", "model", "model", (Variant("model", "model"),))
    study = STUDIES[name]
    if name == "position" and (base.model.start is None or not _is_image_model(base.model.start)):
        raise UserError(
            "position needs --start CHECKPOINT of an image model (one frame), whose table three of the variants carry "
            "over; `videomamba train synthetic_stills` makes a small one"
        )
    unknown = sorted(set(starts) - {variant.name for variant in study.variants})
    if unknown:
        known = ", ".join(variant.name for variant in study.variants)
        raise UserError(f"--starts {unknown[0]}=...: {name} has no such variant; it has {known}")
    variants = (dataclasses.replace(v, start=starts.get(v.name)) for v in study.variants)
    return dataclasses.replace(study, variants=tuple(variants))


def _is_image_model(checkpoint: str) -> bool:
    from videomamba.models.checkpoint import read_checkpoint
    from videomamba.models.config import VideoMambaConfig

    config = read_checkpoint(checkpoint).config
    return isinstance(config, VideoMambaConfig) and config.num_frames == 1


def _run(
    study: "Study",
    cells: "Sequence[Cell]",
    output: Path,
    jobs: int,
    runs: Path | None,
    command: str,
    console: Console,
) -> "list[Figure]":
    """Makes the runs that are missing and writes the table each time one is over."""
    from videomamba.engine import load_splits
    from videomamba.inference.device import resolve_device
    from videomamba.machine import machine_line
    from videomamba.studies.cells import Outcome, check_same, described, finished_runs, outcome
    from videomamba.studies.sweep import sweep
    from videomamba.studies.table import Figure, write_table

    if jobs < 1:
        raise UserError(f"--jobs {jobs}; it must be at least 1")
    first = cells[0].run
    videos = {cell.fold: load_splits(cell.run.data, seed=cell.run.seed) for cell in reversed(cells)}
    wanted = {cell.folder: described(cell.run) for cell in cells}  # finds what cannot work before hours are spent
    elsewhere = [] if runs is None else list(finished_runs(runs))
    figures: list[Figure] = []
    facts = {
        "Command": f"`{command}`",
        "Data": _in_words(first, videos),
        "Model": _model_in_words(wanted[first.output] if first.output else {}),
        "Machine": machine_line(resolve_device(first.device)) + (f", {jobs} runs at a time" if jobs > 1 else ""),
    }

    def over(cell: "Cell", result: Outcome) -> None:
        figures.append(
            Figure(cell.variant, cell.seed, cell.fold, result.top1, result.count, result.minutes, result.folder)
        )
        write_table(output, study, figures, data=first.data.root.name, facts=facts, wanted=len(cells))

    missing = []
    for cell in cells:
        check_same(cell)
        result = outcome(cell.folder)
        if result is None:
            same = next((folder for identity, folder in elsewhere if identity == wanted[cell.folder]), None)
            result = None if same is None else outcome(same)
        if result is None:
            missing.append(cell)
        else:
            over(cell, result)
    console.print(f"{len(cells)} runs, {len(missing)} of them to be made; writing {output}", soft_wrap=True)
    sweep(missing, jobs=jobs, console=console, on_outcome=over)
    places = {(cell.variant, cell.seed, cell.fold): place for place, cell in enumerate(cells)}
    figures.sort(key=lambda figure: places[figure.variant, figure.seed, figure.fold])
    table = write_table(output, study, figures, data=first.data.root.name, facts=facts, wanted=len(cells))
    console.print(table, soft_wrap=True)
    return figures


def _test_shuffled(
    tested: Sequence[tuple[Path, str]],
    output: Path,
    command: str,
    device: str,
    batch_size: int,
    workers: int | None,
    console: Console,
    json: bool,
) -> int:
    """The shuffle study of runs that are over: table, per-class csv and picture."""
    from videomamba.inference.device import resolve_device
    from videomamba.machine import machine_line
    from videomamba.studies import shuffle
    from videomamba.studies.published import SHUFFLE
    from videomamba.studies.table import write_table
    from videomamba.tables import write_csv
    from videomamba.viz.shuffles import shuffle_figure

    reports = []
    for place, (run, name) in enumerate(tested, start=1):
        console.print(f"[{place}/{len(tested)}] {run}", soft_wrap=True)
        file = output / "shuffled" / name / "reports.json"
        reports.append(shuffle.shuffled(run, file, device=device, batch_size=batch_size, workers=workers or 0))
    figures = [f for (run, _), report in zip(tested, reports, strict=True) for f in shuffle.figures(run, report)]
    facts = {
        "Command": f"`{command}`",
        "Runs": ", ".join(f"`{run}`" for run, _ in tested),
        "Machine": machine_line(resolve_device(device)),
    }
    table = write_table(output, SHUFFLE, figures, data="here", facts=facts, wanted=len(figures))
    classes = shuffle.per_class(reports)
    labels = {variant.name: variant.label for variant in SHUFFLE.variants}
    write_csv(output / "per_class.csv", [{"class": name, **row} for name, row in classes.items()], ["class", *labels])
    accuracies = {name: [100 * report[name]["top1"] for report in reports] for name in labels}
    title = f"test frames shuffled, {len(tested)} run{'s' if len(tested) > 1 else ''}"
    picture, temporary = output / "shuffle.png", output / ".shuffle.png"
    shuffle_figure(labels, accuracies, classes, title=title).savefig(temporary, format="png", dpi=150)
    temporary.replace(picture)
    console.print(table, soft_wrap=True)
    console.print(f"per class: {output / 'per_class.csv'}, {picture}", soft_wrap=True)
    if json:
        print_json({"table": output / "table.md", "picture": picture, "top1": accuracies, "per_class": classes})
    return 0


def _found(runs: Path) -> list[Path]:
    from videomamba.studies.shuffle import find_runs

    return find_runs(runs)


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
        named[name] = path
    return named


def _in_words(run: "RunConfig", videos: Mapping[str, Any]) -> str:
    folds = []
    for fold, parts in videos.items():
        which = f"fold {fold}: " if fold else ""
        folds.append(f"{which}{len(parts['train'])} to train, {len(parts['test'])} held out")
    return f"{run.data.root}, {len(next(iter(videos.values()))['train'].class_names)} classes; {'; '.join(folds)}"


def _model_in_words(described: Mapping[str, Any]) -> str:
    size = "x".join(map(str, described["preprocessing.size"]))
    return (
        f"{described['architecture.embed_dim']} wide, {described['architecture.depth']} deep, "
        f"{described['preprocessing.num_frames']} frames of {size}, "
        f"from {described['model.start'] or 'scratch'} (where a row does not differ)"
    )
