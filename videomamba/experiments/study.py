"""One of the paper's studies: each variant with each seed on each fold, as a table beside the paper's."""

import dataclasses
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from videomamba.engine import RunConfig
from videomamba.engine.run_folder import RunFolder, facts_of
from videomamba.errors import FieldError, UserError
from videomamba.experiments.grid import Cell, Grid
from videomamba.experiments.published import STUDIES, Study, Variant, pretrain
from videomamba.experiments.sweep import sweep
from videomamba.experiments.table import Figure, write_table
from videomamba.inference.device import resolve_device
from videomamba.machine import machine_line
from videomamba.models.config import VideoMambaConfig
from videomamba.models.weights.readers import read_checkpoint
from videomamba.notes import UserNote

Folds = Mapping[str, Mapping[str, Any]]
NAMES = (*STUDIES, "pretrain", "shuffle")
ONE_FOLD: Folds = {"": {}}
_BOTH = ("start", "starts")


def study_of(name: str, *, start: str | None = None, starts: Mapping[str, str] | None = None) -> Study:
    """The study that a name stands for, for these checkpoints; of ``shuffle`` the run that is tested in the end.

    Args:
        name: of :data:`NAMES`.
        start: checkpoint that all runs begin from; ``position`` needs an image model.
        starts: variant -> checkpoint; ``pretrain`` compares these, under any names but ``scratch``. ``shuffle`` trains
            one model and has none.

    Raises:
        UserError: a checkpoint is missing, or one too many.

    Example:
        >>> [variant.name for variant in study_of("order").variants]
        ['spatial', 'temporal', 'spatio_temporal']
    """
    starts = starts or {}
    if name == "pretrain":
        if not starts:
            raise FieldError("pretrain compares checkpoints: give {starts}", "starts")
        if "scratch" in starts:
            raise FieldError(
                "{starts}: scratch is the run without a checkpoint; choose another name", starts="scratch=..."
            )
        return pretrain(starts, {key: _is_image_model(path) for key, path in starts.items()})
    if name == "shuffle":
        if starts:
            raise FieldError("shuffle trains one model: leave out {starts}; {start} names its checkpoint", *_BOTH)
        return Study("shuffle", "model", "model", (Variant("model", "model"),))
    if name not in STUDIES:
        raise UserError(f"unknown study {name!r}; choose one of {', '.join(NAMES)}")
    study = STUDIES[name]
    if name == "position" and (start is None or not _is_image_model(start)):
        raise FieldError(
            "position needs {start} of an image model (one frame), whose table three of the variants carry "
            "over; `videomamba train synthetic_stills` makes a small one",
            "start",
        )
    unknown = sorted(set(starts) - {variant.name for variant in study.variants})
    if unknown:
        known = ", ".join(variant.name for variant in study.variants)
        raise FieldError(f"{{starts}}: {name} has no such variant; it has {known}", starts=f"{unknown[0]}=...")
    variants = (dataclasses.replace(v, start=starts.get(v.name)) for v in study.variants)
    return dataclasses.replace(study, variants=tuple(variants))


def _is_image_model(checkpoint: str) -> bool:
    config = read_checkpoint(checkpoint).config
    return isinstance(config, VideoMambaConfig) and config.num_frames == 1


def run_study(
    study: Study,
    base: RunConfig,
    output: Path,
    *,
    seeds: Sequence[int] = (0,),
    folds: Folds = ONE_FOLD,
    jobs: int = 1,
    rows: Collection[str] | None = None,
    runs: Path | None = None,
    console: Console | None = None,
    command: str | None = None,
) -> list[Figure]:
    """Makes the runs that are missing, and writes the table after each one: of all finished runs in the study's folder.

    Args:
        study: what is varied, see :func:`study_of`.
        base: the run that each differs from.
        output: the study's folder; a run's is ``output/<variant>/seed-S[/fold-F]``.
        seeds: of the runs.
        folds: name -> fields of the data's configuration.
        jobs: runs at a time, in processes of their own that share the cores.
        rows: names of the variants to make; all by default. Several commands can share a study.
        runs: a folder; equal runs in it and below are taken from there.
        console: told what happens; standard error by default.
        command: how to repeat it, for the table.

    Returns:
        What the table is made of.

    Raises:
        UserError: a run that cannot work, or a folder that holds another run.
        KeyboardInterrupt: Ctrl-C; every unfinished run has saved its state, and the same call continues.

    Example:
        >>> from videomamba.recipes import folder
        >>> figures = run_study(study_of("order"), folder(Path("clips")), Path("runs/order"))  # doctest: +SKIP
    """
    if jobs < 1:
        raise FieldError("{jobs}; it must be at least 1", jobs=jobs)
    console = console or Console(stderr=True, highlight=False, markup=False)
    asked = study if rows is None else _only(rows, study)
    _check_starts(study, asked, base)
    grid = Grid(cells_of(asked, base, output, seeds=seeds, folds=folds))
    seeds = sorted({*seeds, *_seeds_in(output)})
    cells = {str(cell): cell for cell in cells_of(study, base, output, seeds=seeds, folds=folds)}
    facts = {
        **({} if command is None else {"Command": f"`{command}`"}),
        "Data": _data_in_words(grid),
        "Model": _model_in_words(grid),
        "Machine": machine_line(resolve_device(base.device)) + (f", {jobs} runs at a time" if jobs > 1 else ""),
    }
    found = grid.find([] if runs is None else RunFolder.finished(runs))
    missing = [cell for cell, folder in found.items() if folder is None]
    known = {str(cell): folder for cell, folder in found.items() if folder is not None}

    def table() -> tuple[str, list[Figure]]:
        """Of all runs that have finished by now, whichever command has made them."""
        known.update(_made(grid, [cell for name, cell in cells.items() if name not in known]))
        figures = [
            Figure.of(known[name], cell.variant, cell.seed, cell.fold) for name, cell in cells.items() if name in known
        ]
        rows = {variant.name for variant in asked.variants} | {figure.variant for figure in figures}
        wanted = sum(cell.variant in rows for cell in cells.values())
        text = write_table(output, study, figures, data=base.data.root.name, facts=facts, wanted=wanted)
        return text, figures

    def over(cell: Cell) -> None:
        known[str(cell)] = cell.folder
        table()

    console.print(f"{len(found)} runs, {len(missing)} of them to be made; writing {output}", soft_wrap=True)
    sweep(grid, missing, console=console, jobs=jobs, on_end=over)
    text, figures = table()
    console.print(text, soft_wrap=True)
    return figures


def cells_of(study: Study, base: RunConfig, output: Path, *, seeds: Sequence[int], folds: Folds) -> list[Cell]:
    """All runs, those of one seed and fold next to each other: a table that is not finished compares like with like."""
    return [
        _cell(variant, base, output, seed, fold, changes)
        for seed in seeds
        for fold, changes in folds.items()
        for variant in study.variants
    ]


def _only(rows: Collection[str], study: Study) -> Study:
    """The study with these variants alone.

    Raises:
        UserError: it has no such variant.
    """
    names = [variant.name for variant in study.variants]
    for name in rows:
        if name not in names:
            raise FieldError(f"{{rows}}: {study.name} has no such row; it has {', '.join(names)}", rows=name)
    return dataclasses.replace(study, variants=tuple(v for v in study.variants if v.name in rows))


def _check_starts(study: Study, chosen: Study, base: RunConfig) -> None:
    """
    Raises:
        UserError: some of the variants begin from a checkpoint, and one that is to be made has none.
    """
    without = [variant.name for variant in chosen.variants if variant.start is None]
    if without and base.model.start is None and any(variant.start for variant in study.variants):
        raise FieldError(
            f"{{starts}}: none for {', '.join(without)}, and other rows of {study.name} begin from one; give one for "
            "each row, or {start} for those without",
            *_BOTH,
        )


def _cell(variant: Variant, base: RunConfig, output: Path, seed: int, fold: str, changes: Mapping[str, Any]) -> Cell:
    folder = output / variant.name / f"seed-{seed}"
    data = dataclasses.replace(base.data, **changes)
    if "num_frames" in variant.changes:
        data = dataclasses.replace(data, num_frames=None)
    model = dataclasses.replace(base.model, overrides={**base.model.overrides, **variant.changes})
    if variant.start is not None:
        model = dataclasses.replace(model, start=variant.start or None)
    output = folder / f"fold-{fold}" if fold else folder
    return Cell(dataclasses.replace(base, data=data, model=model, seed=seed, output=output), seed, variant.name, fold)


def _seeds_in(output: Path) -> set[int]:
    """Those that the study's folder has runs of."""
    return {int(path.name.removeprefix("seed-")) for path in output.glob("*/seed-*") if path.name[5:].isdecimal()}


def _made(grid: Grid, cells: Sequence[Cell]) -> dict[str, RunFolder]:
    """The finished runs among these, by the cell's name; a note says which have other settings."""
    made = {}
    for cell in cells:
        try:
            if cell.folder.over and (folder := grid.made(cell, facts_of(grid.model(cell)))) is not None:
                made[str(cell)] = folder
        except UserError as error:
            warnings.warn(f"{cell} is not in the table: {error}", UserNote, stacklevel=2)
    return made


def _data_in_words(grid: Grid) -> str:
    parts = {cell.fold: grid.splits(cell) for cell in reversed(grid.cells)}
    folds = [
        f"{f'fold {fold}: ' if fold else ''}{len(splits.train)} to train, {len(splits.test)} held out"
        for fold, splits in reversed(parts.items())
    ]
    classes = len(next(iter(parts.values())).train.class_names)
    return f"{grid.cells[0].run.data.root}, {classes} classes; {'; '.join(folds)}"


def _model_in_words(grid: Grid) -> str:
    first = grid.cells[0]
    model = grid.model(first)
    size = ", ".join(f"{name} {getattr(model.config, name)}" for name in ("embed_dim", "depth"))
    return f"{size}, {model.preprocessing}, from {first.run.model.start or 'scratch'} (where a row does not differ)"
