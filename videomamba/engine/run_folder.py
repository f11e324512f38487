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
from videomamba.data.names import identity
from videomamba.engine.config import RunConfig
from videomamba.engine.data import Splits
from videomamba.errors import UserError
from videomamba.files import check_writable, read_json, whole_folder, write_csv, write_json
from videomamba.models import PretrainedModel
from videomamba.models.folder import write as write_model

RUNS = Path("runs")  # of runs that name no output
CONFIG, SPLITS, RESULT = "config.json", "splits.csv", "result.json"
# what may differ when a run goes on
_FREE = (
    *("output", "device", "workers", "checkpoint_steps", "keep_checkpoints", "trackers", "test_clips", "test_crops"),
    *("leave_out", "skip_broken"),  # what is left out is compared video by video
)


class RunFolder:
    """``config.json``, ``splits.csv``, ``metrics.csv``, ``tensorboard/``, ``checkpoints/``, ``best/`` and ``last/``.

    Args:
        path: the folder; made with its parents where it is not there.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path

    @classmethod
    def of(cls, run: RunConfig, *, resume: bool = False) -> "RunFolder":
        """The run's ``output``, or ``runs/<name>-<date-time>`` with a number behind it where that is taken.

        With ``resume`` the output may hold a run already.

        Raises:
            UserError: see :func:`check_output`.
        """
        if run.output is not None:
            check_output(run.output, resume=resume)
            return cls(run.output)
        stem = RUNS / f"{run.name}-{time.strftime('%Y%m%d-%H%M%S')}"
        path, number = stem, 1
        while path.exists():
            number += 1
            path = stem.with_name(f"{stem.name}-{number}")
        return cls(path)

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        return self.path / "best"

    @property
    def last(self) -> Path:
        return self.path / "last"

    def check_config(self, run: RunConfig) -> None:
        """
        Raises:
            UserError: the run that lies here was made with other settings, beside where and how it computes.
        """
        there, asked = read_json(self.path / CONFIG), _as_json(run)
        resolved = _get(there, "resolved") or {}
        for (name, new), old in ((item, _get(there, item[0])) for item in _flat(asked)):
            if name.split(".")[-1] not in _FREE and not same_setting(name, old, new, resolved):
                raise UserError(f"{self.path} was begun with {name}={old}, not {new}; a run goes on as it began")

    def check_splits(self, splits: Splits, root: Path, *, left_out: Collection[str] = ()) -> None:
        """
        Args:
            splits: of the run that shall go on.
            root: of its data.
            left_out: :func:`videomamba.data.names.identity` of files that may be gone.

        Raises:
            UserError: the run that lies here was begun with other videos, or another part of them held out.
        """
        file = self.path / SPLITS
        if not file.is_file():  # killed before it was written
            return
        began = {_Row(row.fields.items()) for row in read_table(file, ("split",))}
        now = {_Row(row.items()) for row in _split_rows(splits, root)}
        began = {row for row in began if row in now or identity(root / dict(row).get("path", "")) not in left_out}
        if began != now:
            raise UserError(
                f"{self.path} was begun with other videos: {len(began - now)} rows of its {SPLITS} are gone or in "
                f"another part, {len(now - began)} are new; put them back as they were, or begin a new run"
            )

    def write_config(self, run: RunConfig, **facts: Any) -> None:
        """``config.json``: the run's configuration, and facts about it such as versions."""
        write_json(self.path / CONFIG, {**_as_json(run), "resolved": _resolved(run), **facts})

    def write_splits(self, splits: Splits, root: Path) -> None:
        """``splits.csv``: which videos trained and which were held out, as ``--split`` reads it."""
        write_csv(self.path / SPLITS, _table(_split_rows(splits, root)))

    def set_rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """``metrics.csv``, a row for each epoch that is over."""
        if rows:
            write_csv(self.path / "metrics.csv", _table(rows))

    def write_result(self, result: Mapping[str, Any]) -> None:
        """``result.json``: the run is over, and what came out."""
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
    """Whether a run's folder can be made there, or with ``resume`` gone on with; makes nothing.

    Raises:
        UserError: something (else) is there, or it may not be written to.
    """
    if resume and (path / CONFIG).is_file():
        return
    if resume and not path.exists():
        raise UserError(f"{path} is no run to resume: there is no such folder")
    if resume:
        raise UserError(f"{path} is no run to resume: it has no {CONFIG}")
    if path.is_dir() and any(path.iterdir()):
        raise UserError(f"{path} is not empty; choose another folder for the run's output")
    check_writable(path, folder=True)


def _as_json(run: RunConfig) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(run), default=str))
    return values


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values of nested mappings."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _get(values: Any, name: str) -> Any:
    for part in name.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


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
    named = ((name, value) for name, value in _flat(_as_json(run)) if name.split(".")[-1] not in _FREE)
    return {name: os.path.realpath(v) for name, v in named if isinstance(v, str) and v and os.path.exists(v)}


_Row = frozenset[tuple[str, str]]


def _split_rows(splits: Splits, root: Path) -> list[dict[str, str]]:
    return [{**row, "split": name} for name, part in splits.items() for row in part.rows(root)]


def _table(rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """A header, and the values of each row; rows of several kinds have the columns of all."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return [columns, *([row.get(name, "") for name in columns] for row in rows)]
