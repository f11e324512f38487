"""A study's table: rows in the paper's order, ours beside the paper's figures, and what the noise is."""

import dataclasses
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videomamba.engine.run_folder import RunFolder
from videomamba.experiments.published import COLUMNS, Study
from videomamba.files import write_text
from videomamba.tables import as_markdown, write_csv


@dataclass(frozen=True)
class Figure:
    """One figure of a table: a variant's top-1, in [0, 1], of one seed and fold, on ``count`` test videos."""

    variant: str
    seed: int
    fold: str
    top1: float
    count: int
    minutes: float | None
    run: Path

    @classmethod
    def of(cls, folder: RunFolder, variant: str, seed: int, fold: str) -> "Figure":
        """The figure of the last epoch of a finished run."""
        result, count = folder.result(), sum(row["split"] == "test" for row in folder.splits())
        return cls(variant, seed, fold, folder.tested()["top1"], count, result.get("minutes"), folder.path)


@dataclass(frozen=True)
class Row:
    """A variant's figures together, in percent; None where there are too few to say.

    Attributes:
        label: of the variant.
        top1: right videos over all videos, of all seeds and folds.
        over_seeds: sample deviation of the seeds' top-1, each over all its folds.
        over_folds: sample deviation of the folds' top-1, each over all its seeds.
        difference: mean of top-1 less the chosen variant's of the same seed and fold.
        error: standard error of that mean.
        runs: how many.
        published: the paper's on COLUMNS.
    """

    label: str
    top1: float | None
    over_seeds: float | None
    over_folds: float | None
    difference: float | None
    error: float | None
    runs: int
    published: tuple[float | None, float | None]


def rows(study: Study, figures: Sequence[Figure]) -> list[Row]:
    """The study's rows; variants without a run have none of ours."""
    chosen = {(f.seed, f.fold): f.top1 for f in figures if f.variant == study.chosen}
    made = []
    for variant in study.variants:
        own = [f for f in figures if f.variant == variant.name]
        pairs = [100 * (f.top1 - chosen[f.seed, f.fold]) for f in own if (f.seed, f.fold) in chosen]
        compared = variant.name != study.chosen and len(pairs) > 0
        made.append(
            Row(
                variant.label,
                _pooled(own),
                _deviation([_pooled([f for f in own if f.seed == seed]) for seed in {f.seed for f in own}]),
                _deviation([_pooled([f for f in own if f.fold == fold]) for fold in {f.fold for f in own}]),
                statistics.mean(pairs) if compared else None,
                statistics.stdev(pairs) / len(pairs) ** 0.5 if compared and len(pairs) > 1 else None,
                len(own),
                variant.published,
            )
        )
    return made


def _pooled(figures: Sequence[Figure]) -> float | None:
    count = sum(f.count for f in figures)
    return 100 * sum(f.top1 * f.count for f in figures) / count if count else None


def _deviation(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.stdev(known) if len(known) > 1 else None


def write_table(
    folder: Path, study: Study, figures: Sequence[Figure], *, data: str, facts: Mapping[str, str], wanted: int
) -> str:
    """Writes ``table.md``, ``table.csv`` and ``runs.csv`` (a row for each run) and returns the Markdown.

    Args:
        folder: where.
        study: its rows.
        figures: of the finished runs.
        data: the name of the data, over our column.
        facts: what was run, on what: a line each under the table.
        wanted: runs that the study takes in all.
    """
    made = rows(study, figures)
    header = [study.title, data, "± seeds", "± folds", f"less {_label(study)}", "runs"]
    published = [i for i in range(len(COLUMNS)) if any(row.published[i] is not None for row in made)]
    header += [f"paper: {COLUMNS[i]}" for i in published]
    cells = [
        [
            row.label,
            _show(row.top1),
            _show(row.over_seeds),
            _show(row.over_folds),
            _show(row.difference, sign=True) + ("" if row.error is None else f" ± {row.error:.1f}"),
            str(row.runs),
            *(_show(row.published[i]) for i in published),
        ]
        for row in made
    ]
    lines = [as_markdown(header, cells), _caption(study)]
    done = (
        f"{len(figures)} of {wanted} runs have finished"
        if len(figures) < wanted
        else f"all {wanted} runs have finished"
    )
    minutes = [f.minutes for f in figures if f.minutes is not None]
    spent = f"{sum(minutes):.0f} minutes of {len(minutes)} runs together" if minutes else "not written down"
    facts = {**facts, "Time": spent, "State": f"{done}, {time.strftime('%Y-%m-%d')}"}
    lines += ["", *(f"- {name}: {value}" for name, value in facts.items()), ""]
    text = "\n".join(lines)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "table.md", text)
    write_csv(folder / "table.csv", [_csv_row(row) for row in made])
    columns = ["variant", "seed", "fold", "top1", "videos", "minutes", "run"]
    write_csv(folder / "runs.csv", [dict(zip(columns, dataclasses.astuple(f), strict=True)) for f in figures], columns)
    return text


def _csv_row(row: Row) -> dict[str, Any]:
    return {
        "variant": row.label,
        "top1": row.top1,
        "deviation_seeds": row.over_seeds,
        "deviation_folds": row.over_folds,
        "difference": row.difference,
        "difference_error": row.error,
        "runs": row.runs,
        **dict(zip(COLUMNS, row.published, strict=True)),
    }


def _caption(study: Study) -> str:
    return (
        "Top-1 in %, of the last epoch (`last/`), never of the best one, which the test videos would have chosen. "
        "± seeds and ± folds: sample deviation over seeds (all folds together) and over folds (all seeds together); "
        f"less {_label(study)}: mean difference of runs with the same seed and fold, ± its standard error."
    )


def _label(study: Study) -> str:
    return next(variant.label for variant in study.variants if variant.name == study.chosen)


def _show(value: float | None, *, sign: bool = False) -> str:
    return "" if value is None else f"{value:{'+' if sign else ''}.1f}"
