"""The runs that a study takes, a cell for each variant, seed and fold, and what came out of each."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videomamba.data.datasets.csv import read_table
from videomamba.engine.config import RunConfig
from videomamba.engine.data import load_splits
from videomamba.engine.model import build_model
from videomamba.engine.run_folder import CONFIG, RESULT, SPLITS, RunFolder, same_setting
from videomamba.errors import UserError
from videomamba.files import read_json
from videomamba.studies.published import Study, Variant

MINUTES = "minutes.json"


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Attributes:
        variant: name.
        seed: of the run.
        fold: name of its test part; empty where there is only one.
        run: whose ``output`` is the cell's folder.
    """

    variant: str
    seed: int
    fold: str
    run: RunConfig

    @property
    def folder(self) -> Path:
        assert self.run.output is not None
        return self.run.output

    def __str__(self) -> str:
        return f"{self.variant}, seed {self.seed}" + (f", fold {self.fold}" if self.fold else "")


@dataclass(frozen=True)
class Outcome:
    """What a finished run gives.

    Attributes:
        top1: of the last epoch, in [0, 1].
        count: test videos.
        minutes: that it took in all; None where nobody wrote it down.
        folder: of the run.
    """

    top1: float
    count: int
    minutes: float | None
    folder: Path


def make_cells(
    study: Study, base: RunConfig, output: Path, *, seeds: Sequence[int], folds: Mapping[str, Mapping[str, Any]]
) -> list[Cell]:
    """All runs, those of one seed and fold next to each other: a table that is not finished compares like with like.

    Args:
        study: what is varied.
        base: the run that each differs from.
        output: the study's folder; a cell's is ``output/<variant>/seed-S[/fold-F]``.
        seeds: of the runs.
        folds: name -> fields of the data's configuration.
    """
    return [
        _cell(variant, base, output, seed, fold, changes)
        for seed in seeds
        for fold, changes in folds.items()
        for variant in study.variants
    ]


def _cell(variant: Variant, base: RunConfig, output: Path, seed: int, fold: str, changes: Mapping[str, Any]) -> Cell:
    folder = output / variant.name / f"seed-{seed}"
    data = dataclasses.replace(base.data, **changes)
    if "num_frames" in variant.changes:
        data = dataclasses.replace(data, num_frames=None)
    model = dataclasses.replace(base.model, overrides={**base.model.overrides, **variant.changes})
    if variant.start is not None:
        model = dataclasses.replace(model, start=variant.start or None)
    run = dataclasses.replace(
        base, data=data, model=model, seed=seed, output=folder / f"fold-{fold}" if fold else folder
    )
    return Cell(variant.name, seed, fold, run)


def outcome(folder: Path) -> Outcome | None:
    """What a run folder holds; None where the run is not over."""
    if not (folder / RESULT).is_file():
        return None
    last = read_json(folder / RESULT)["last"]
    minutes = read_json(folder / MINUTES) if (folder / MINUTES).is_file() else None
    count = sum(row.fields["split"] == "test" for row in read_table(folder / SPLITS, ("split",)))
    return Outcome(last["top1"], count, minutes, folder)


def check_same(cell: Cell) -> None:
    """
    Raises:
        UserError: the cell's folder holds a run with other settings or other videos.
    """
    if not (cell.folder / CONFIG).is_file():
        return
    config = read_json(cell.folder / CONFIG)
    there, wanted = identity(config), described(cell.run)
    for name in wanted:
        if not same_setting(name, there.get(name), wanted[name], config.get("resolved", {})):
            raise UserError(
                f"{cell.folder} holds a run with {name}={there.get(name)}, not {wanted[name]}; "
                "choose another folder for the study's output"
            )
    splits = load_splits(cell.run.data, seed=cell.run.seed)
    RunFolder(cell.folder).check_splits(splits, cell.run.data.root)


def finished_runs(folder: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """The identity and folder of each finished run in a folder and below."""
    for result in sorted(folder.rglob(RESULT)):
        if (result.parent / CONFIG).is_file():
            yield identity(read_json(result.parent / CONFIG)), result.parent


def described(run: RunConfig) -> dict[str, Any]:
    """:func:`identity` of a run that is not made yet."""
    model = build_model(run, ("a", "b"))
    facts = {
        "architecture": dataclasses.asdict(model.config),
        "preprocessing": dataclasses.asdict(model.preprocessing),
    }
    return identity(json.loads(json.dumps({**dataclasses.asdict(run), "facts": facts}, default=str)))


def identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """What decides a run's result, from its ``config.json``, by names with dots: two equal runs need not both be made.

    Left out are its name, its folder, where and how fast it ran, and what follows from its data.
    """
    whole = {
        "seed": config["seed"],
        "task": config["task"],
        "data": {
            k: v
            for k, v in config["data"].items()
            if k not in ("workers", "in_memory", "num_frames", "size", "skip_broken")
        },
        "optim": dict(config["optim"]),
        "model": {k: config["model"][k] for k in ("start", "inflation", "freeze")},
        "architecture": {k: v for k, v in config["facts"]["architecture"].items() if k != "num_classes"},
        "preprocessing": config["facts"]["preprocessing"],
    }
    if whole["optim"]["min_steps"]:
        del whole["optim"]["epochs"]  # as many as these steps take
    flat: dict[str, Any] = {}
    for name, value in whole.items():
        flat |= {f"{name}.{key}": v for key, v in value.items()} if isinstance(value, dict) else {name: value}
    return flat
