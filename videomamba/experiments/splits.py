"""A run for each published split of a data set, and the mean of what came out."""

import dataclasses
import statistics
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from videomamba.data.datasets import FOLDS
from videomamba.engine import RunConfig, TrainingInterrupted
from videomamba.engine.device import make_accelerator
from videomamba.engine.run_folder import RESULT, RunFolder
from videomamba.engine.trainer import OnStep
from videomamba.engine.training import open_folder
from videomamba.errors import UserError
from videomamba.experiments.grid import Cell, Grid
from videomamba.experiments.single_run import check
from videomamba.experiments.sweep import sweep
from videomamba.files import write_json, write_text
from videomamba.locks import InUseError

TABLE = "result.md"
_PARTS = {"last": "last epoch", "best": "best epoch", "views": "several views"}
_NO_FIGURES = ("epoch", "step", "lr", "clips_per_second", "data_wait")  # of a run's rows; nor what starts with train_


def run_splits(
    config: RunConfig, *, console: Console | None = None, resume: bool = False, on_step: OnStep | None = None
) -> dict[str, Any]:
    """Trains on each split in ``OUTPUT/split-N``, writes ``OUTPUT/result.json`` and ``result.md``.

    Args:
        config: of all runs; its fold and output are set for each.
        console: told what happens; standard error by default.
        resume: keep the finished splits, and continue the unfinished one.
        on_step: see :func:`videomamba.engine.train`.

    Returns:
        ``run``, the folder, and what :func:`joined` gives.

    Raises:
        UserError: the data have one split only, or what cannot work.
        InUseError: another process works in the folder, or in that of a split.
        TrainingInterrupted: Ctrl-C or SIGTERM, after a checkpoint of the current split is written.
    """
    console = console or Console(stderr=True, highlight=False, markup=False)
    folds = folds_of(config)
    check(config, resume=resume)
    accelerator = make_accelerator(config.device)
    with open_folder(config, accelerator, resume=resume) as folder:
        if resume:
            folder.check_config(config)
        elif accelerator.is_main_process:
            folder.write_config(config)
        accelerator.wait_for_everyone()
        grid = Grid([_cell(config, folder, fold) for fold in folds])
        missing = [cell for cell, made in grid.find().items() if made is None]
        try:
            sweep(grid, missing, console=console, on_step=on_step, quiet=False)
        except TrainingInterrupted as stop:
            raise TrainingInterrupted(folder.path, stop.epoch) from stop
        if left := [cell.folder.path for cell in missing if not cell.folder.over]:
            raise InUseError(f"{left[0]} is being written by another process: add --resume when that one has ended")
        result = joined({cell.fold: cell.folder.result() for cell in grid.cells})
        if accelerator.is_main_process:
            write_text(folder.path / TABLE, as_markdown(result))
            write_json(folder.path / RESULT, result)
        accelerator.wait_for_everyone()
    console.print(as_markdown(result), soft_wrap=True)
    console.print(f"mean of {len(folds)} splits: {folder.path / TABLE}", soft_wrap=True)
    return {"run": folder.path, **result}


def folds_of(config: RunConfig) -> range:
    """The published splits of the run's layout, from 1.

    Raises:
        UserError: it has one only.
    """
    count = FOLDS.get(config.data.layout, 1)
    if count == 1:
        have = ", ".join(f"{name} ({folds})" for name, folds in FOLDS.items())
        raise UserError(f"{config.name} has one split; several published splits have {have}")
    return range(1, count + 1)


def _cell(config: RunConfig, folder: RunFolder, fold: int) -> Cell:
    data = dataclasses.replace(config.data, fold=fold)
    run = dataclasses.replace(config, data=data, output=folder.path / f"split-{fold}")
    return Cell(run, config.seed, fold=str(fold))


def joined(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The results by name, with mean and standard deviation (n - 1) of every figure that all of them have.

    ``mean`` and ``deviation`` have the parts of a result: ``last``, ``best`` and, where a run tests with several views
    of a video, ``views``; each maps a figure's name to a number. The best epoch was chosen on the test videos.
    """
    means: dict[str, dict[str, float]] = {}
    deviations: dict[str, dict[str, float]] = {}
    for part in _PARTS:
        rows = [_figures(result.get(part) or {}) for result in results.values()]
        for name in rows[0]:
            values = [row[name] for row in rows if name in row]
            if len(values) == len(rows):
                means.setdefault(part, {})[name] = statistics.fmean(values)
                deviations.setdefault(part, {})[name] = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"splits": dict(results), "mean": means, "deviation": deviations}


def as_markdown(result: Mapping[str, Any]) -> str:
    """What :func:`joined` gives, as a table for each part of it: a row per split, then mean and deviation."""
    lines = []
    for part, means in result["mean"].items():
        names = [name for name in means if name not in ("loss", "test_loss")]
        lines += [f"| {_PARTS[part]} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        rows = {f"split {fold}": one[part] for fold, one in result["splits"].items()}
        rows |= {"mean": means, "deviation": result["deviation"][part]}
        for title, row in rows.items():
            lines.append(f"| {title} | {' | '.join(f'{row[name]:.4f}' for name in names)} |")
        lines.append("")
    return "\n".join(lines)


def _figures(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: value
        for name, value in row.items()
        if isinstance(value, float) and name not in _NO_FIGURES and not name.startswith("train_")
    }
