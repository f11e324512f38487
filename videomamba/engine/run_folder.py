"""The folder of a training run; every file in it appears whole or not at all."""

import dataclasses
import json
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from videomamba.data.datasets.csv import read_table
from videomamba.data.names import identity as file_identity
from videomamba.data.splits import Splits
from videomamba.engine.config import RunConfig
from videomamba.errors import UserError
from videomamba.files import check_writable, read_json, whole_folder, write_json
from videomamba.locks import is_empty
from videomamba.models import PretrainedModel
from videomamba.models.weights.folder import write as write_model
from videomamba.tables import write_csv

RUNS = Path("runs")  # of runs that name no output
CONFIG, SPLITS, METRICS, RESULT = "config.json", "splits.csv", "metrics.csv", "result.json"
# what changes no weight, or follows from the architecture and the preprocessing, which are compared
_FREE = (
    *("name", "output", "device", "data.workers", "data.in_memory", "checkpoint_steps", "trackers"),
    *("test_clips", "test_crops", "data.num_frames", "data.size", "data.stride", "model.name", "model.overrides"),
    *("model.begins_from", "model.drop_path_rate", "facts.architecture.num_classes"),
    *(
        "facts.preprocessing.views",
        "data.leave_out",
        "data.skip_broken",
        "resolved",
    ),  # what is left out is compared video by video
)
_COMPARED = {"architecture": "config", "preprocessing": "preprocessing"}  # facts -> attributes of the model


class RunFolder:
    """``config.json``, ``splits.csv``, ``metrics.csv``, ``tensorboard/``, ``checkpoints/``, ``best/`` and ``last/``.

    Args:
        path: the folder; made when the first file is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, run: RunConfig) -> "RunFolder":
        """The run's ``output``, or a new ``runs/<name>-<date-time>``, with a number where that exists already."""
        if run.output is not None:
            run.output.mkdir(parents=True, exist_ok=True)
            return cls(run.output)
        stem = RUNS / f"{run.name}-{time.strftime('%Y%m%d-%H%M%S')}"
        path, number = stem, 1
        while path.exists():
            number += 1
            path = stem.with_name(f"{stem.name}-{number}")
        path.mkdir(parents=True)
        return cls(path)

    @classmethod
    def finished(cls, folder: Path) -> "list[RunFolder]":
        """The finished runs in a folder and below that have their last model, sorted by path."""
        runs = [cls(result.parent) for result in sorted(folder.rglob(RESULT))]
        return [run for run in runs if run.begun and run.last.is_dir()]

    @property
    def begun(self) -> bool:
        """Whether this folder holds a run that can be resumed."""
        return (self.path / CONFIG).is_file()

    @property
    def over(self) -> bool:
        """Whether the run in this folder has finished."""
        return (self.path / RESULT).is_file()

    @property
    def ended(self) -> float:
        """When the run has finished, in seconds since the epoch."""
        return (self.path / RESULT).stat().st_mtime

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        return self.path / "best"

    @property
    def last(self) -> Path:
        return self.path / "last"

    def config(self) -> dict[str, Any]:
        """``config.json``: the run's configuration, and ``facts`` about it."""
        return read_json(self.path / CONFIG)

    def result(self) -> dict[str, Any]:
        """``result.json``: the fields of a :class:`.TrainResult`; written when the run has finished."""
        return read_json(self.path / RESULT)

    def tested(self) -> dict[str, Any]:
        """What the last weights of a finished run reach on its test part; a part val has rows of its own."""
        result = self.result()
        figures: dict[str, Any] = (result.get("test") or result)["last"]
        return figures

    def splits(self) -> list[dict[str, str]]:
        """``splits.csv``: a row per video, with ``split``."""
        return _rows(self.path / SPLITS)

    def metrics(self) -> list[dict[str, str]]:
        """``metrics.csv``: one row per finished epoch."""
        return _rows(self.path / METRICS)

    def check_config(self, run: RunConfig, facts: Mapping[str, Any] | None = None) -> None:
        """
        Raises:
            UserError: the run in this folder was made with other settings (where and how it computes does not count).
        """
        config = self.config()
        there, asked, resolved = identity(config), identity_of(run, facts or {}), config.get("resolved", {})
        for name in {**there, **asked}:
            if not same_setting(name, there.get(name), asked.get(name), resolved):
                raise UserError(
                    f"{self.path} was begun with {name}={there.get(name)}, not {asked.get(name)}; a run goes on as it "
                    "began: choose another folder for the output"
                )

    def check_splits(self, splits: Splits, root: Path, *, left_out: Collection[str] = ()) -> None:
        """
        Args:
            splits: of the run that is to be resumed.
            root: of its data.
            left_out: :func:`videomamba.data.names.identity` of files that may be gone.

        Raises:
            UserError: the run in this folder was begun with other videos, or another part of them held out.
        """
        file = self.path / SPLITS
        if not file.is_file():  # killed before it was written
            return
        began = {_Row(row.fields.items()) for row in read_table(file, ("split",))}
        now = {_Row(row.items()) for row in _split_rows(splits, root)}
        began = {row for row in began if row in now or file_identity(root / dict(row).get("path", "")) not in left_out}
        if began != now:
            raise UserError(
                f"{self.path} was begun with other videos: {len(began - now)} rows of its {SPLITS} are gone or in "
                f"another part, {len(now - began)} are new; put them back as they were, or begin a new run"
            )

    def write_config(self, run: RunConfig, **facts: Any) -> None:
        """``config.json``: the run's configuration, and facts about it such as versions.

        Args:
            run: as it was asked for: ``optim.epochs`` without those that ``optim.min_steps`` adds.
            **facts: what is not asked for.
        """
        write_json(self.path / CONFIG, {**_as_json(run), "resolved": _resolved(run), **facts})

    def write_splits(self, splits: Splits, root: Path) -> None:
        """``splits.csv``: which videos trained and which were held out, as ``--split`` reads it."""
        write_csv(self.path / SPLITS, _split_rows(splits, root))

    def set_rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """``metrics.csv``, one row per finished epoch."""
        if rows:
            columns = list(dict.fromkeys(name for row in rows for name in row))  # rows may be of several kinds
            write_csv(self.path / METRICS, [{name: row.get(name) for name in columns} for row in rows])

    def write_result(self, result: Mapping[str, Any]) -> None:
        """``result.json``: the results of a finished run."""
        write_json(self.path / RESULT, result)

    def save(self, model: PretrainedModel, folder: Path, weights: Mapping[str, Tensor] | None = None) -> None:
        """The model as ``best`` or ``last``; with its whole ``weights`` where it has them only in parts.

        A new folder appears whole, under a temporary name until then. In one that is there each file is moved into
        place; the configuration is the same all through a run, so it is a valid model at every moment.
        """
        checkpoint = model.to_checkpoint()
        if weights is not None:
            checkpoint = dataclasses.replace(checkpoint, weights=weights)
        if folder.exists():
            write_model(folder, checkpoint)
            return
        with whole_folder(folder) as whole:
            write_model(whole, checkpoint)


def check_output(path: Path, *, resume: bool = False) -> None:
    """Whether a run's folder can be made there, or continued with ``resume``; makes nothing.

    Raises:
        UserError: something else is there, or it is not writable.
    """
    if resume and (path / CONFIG).is_file():
        return
    if resume and not path.exists():
        raise UserError(f"{path} is no run to resume: there is no such folder")
    if resume:
        raise UserError(f"{path} is no run to resume: it has no {CONFIG}")
    if path.is_dir() and not is_empty(path):
        raise UserError(f"{path} is not empty; choose another folder for the run's output")
    check_writable(path, folder=True)


def identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """What decides a run's result, from what its ``config.json`` has: two runs with the same need not both be made.

    Returns:
        Values by names with dots. Left out are the run's name and folder, where and how fast it ran, and what its
        architecture and preprocessing say in other words.
    """
    facts = {name: config.get("facts", {}).get(name, {}) for name in _COMPARED}
    values = dict(_flat({**config, "facts": facts}))
    if values.get("optim.total_batch"):
        del values["optim.batch_size"]  # what is left of it for a process
    return {name: value for name, value in values.items() if not _free(name)}


def identity_of(run: RunConfig, facts: Mapping[str, Any]) -> dict[str, Any]:
    """:func:`identity` of a run that need not be made yet; ``facts`` see :func:`facts_of`."""
    return identity({**_as_json(run), "facts": _plain(facts)})


def facts_of(model: PretrainedModel) -> dict[str, Any]:
    """What ``config.json`` says of a model, on whatever device."""
    return {name: dataclasses.asdict(getattr(model, attribute)) for name, attribute in _COMPARED.items()}


def _free(name: str) -> bool:
    return any(name == free or name.startswith(f"{free}.") for free in _FREE)


def _as_json(run: RunConfig) -> dict[str, Any]:
    return _plain(dataclasses.asdict(run))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has them: lists for tuples, strings for paths."""
    plain: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return plain


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values of nested mappings."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _rows(file: Path) -> list[dict[str, str]]:
    return [row.fields for row in read_table(file, ())]


def same_setting(name: str, old: Any, new: Any, resolved: Mapping[str, str]) -> bool:
    """Whether a setting is as it was; a file or folder may be spelled otherwise.

    Args:
        name: with dots, such as ``data.root``.
        old: as the run has it in ``config.json``.
        new: as it is asked for.
        resolved: where the run's files and folders lay when it began, by name.
    """
    if old == new or not isinstance(new, str) or not isinstance(old, str):
        return old == new
    return os.path.exists(new) and os.path.realpath(new) == resolved.get(name, os.path.realpath(old))


def _resolved(run: RunConfig) -> dict[str, str]:
    """Whole paths of the settings that name a file or folder, by name with dots."""
    named = ((name, value) for name, value in _flat(_as_json(run)) if not _free(name))
    return {name: os.path.realpath(v) for name, v in named if isinstance(v, str) and v and os.path.exists(v)}


_Row = frozenset[tuple[str, str]]


def _split_rows(splits: Splits, root: Path) -> list[dict[str, str]]:
    return [{**row, "split": name} for name, part in splits.items() for row in part.rows(root)]
