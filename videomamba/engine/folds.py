"""A run for each published split of a data set, and the mean of what came out."""

import dataclasses
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from videomamba.data.datasets import FOLDS
from videomamba.engine.config import RunConfig
from videomamba.engine.run_folder import CONFIG, RESULT, RunFolder
from videomamba.errors import UserError
from videomamba.files import read_json, write_json, write_text

TABLE = "result.md"
_PARTS = {"last": "last epoch", "best": "best epoch", "views": "several views"}
_NO_FIGURES = ("epoch", "step", "lr", "clips_per_second", "data_wait")  # of a run's rows; nor what starts with train_


def folds_of(run: RunConfig) -> list[int]:
    """The published splits of the run's layout, from 1.

    Raises:
        UserError: it has one only.
    """
    count = FOLDS.get(run.data.layout, 1)
    if count == 1:
        have = ", ".join(f"{name} ({folds})" for name, folds in FOLDS.items())
        raise UserError(f"{run.name} has one split; several published splits have {have}")
    return list(range(1, count + 1))


def train_folds(run: RunConfig, folder: RunFolder, train_one: Callable[[RunConfig, bool], Any]) -> dict[str, Any]:
    """Trains on each split in ``folder/split-N``; a finished one is kept, one begun goes on.

    Args:
        run: the configuration of all; its fold and output are set for each.
        folder: of the runs; the same configuration must have begun it.
        train_one: trains a run, resuming where its second argument says so.

    Returns:
        ``{"splits": {"1": result, ...}, "mean": ..., "deviation": ...}``, see :func:`joined`.
    """
    results = {}
    for fold in folds_of(run):
        output = folder.path / f"split-{fold}"
        if not (output / RESULT).is_file():
            one = dataclasses.replace(run, data=dataclasses.replace(run.data, fold=fold), output=output)
            train_one(one, (output / CONFIG).is_file())
        results[str(fold)] = read_json(output / RESULT)
    return joined(results)


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
    """What :func:`joined` gives, as a table for each part of it: a row a split, then mean and deviation."""
    lines = []
    for part, means in result["mean"].items():
        names = [name for name in means if name not in ("loss", "test_loss", "val_loss")]
        lines += [f"| {_PARTS[part]} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        rows = {f"split {fold}": one[part] for fold, one in result["splits"].items()}
        rows |= {"mean": means, "deviation": result["deviation"][part]}
        for title, row in rows.items():
            lines.append(f"| {title} | {' | '.join(f'{row[name]:.4f}' for name in names)} |")
        lines.append("")
    return "\n".join(lines)


def write_folds(folder: Path, result: Mapping[str, Any]) -> None:
    """``result.json``, and ``result.md`` for people."""
    write_text(folder / TABLE, as_markdown(result))
    write_json(folder / RESULT, result)


def _figures(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: value
        for name, value in row.items()
        if isinstance(value, float) and name not in _NO_FIGURES and not name.startswith("train_")
    }
