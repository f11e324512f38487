"""The folder of a training run; every file in it appears whole or not at all."""

import csv
import dataclasses
import io
import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from videomamba.engine.config import RunConfig
from videomamba.engine.data import Splits, relative_path
from videomamba.models import VideoMamba

SPLITS = "splits.csv"


class RunFolder:
    """``config.json``, ``splits.csv``, ``metrics.csv``, ``tensorboard/``, ``best/`` and ``last/``.

    Args:
        path: the folder; made with its parents.

    Raises:
        ValueError: see :func:`check_output`.
    """

    def __init__(self, path: Path) -> None:
        check_output(path)
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._rows: list[Mapping[str, Any]] = []

    @classmethod
    def of(cls, run: RunConfig) -> "RunFolder":
        """The run's ``output``, or ``runs/<name>-<date-time>`` with a number behind it where that is taken."""
        if run.output is not None:
            return cls(run.output)
        stem = Path("runs") / f"{run.name}-{time.strftime('%Y%m%d-%H%M%S')}"
        path, number = stem, 1
        while path.exists():
            number += 1
            path = stem.with_name(f"{stem.name}-{number}")
        return cls(path)

    @property
    def best(self) -> Path:
        return self.path / "best"

    @property
    def last(self) -> Path:
        return self.path / "last"

    def write_config(self, run: RunConfig, **facts: Any) -> None:
        """``config.json``: the run's configuration, and facts about it such as versions."""
        values = {**dataclasses.asdict(run), **facts}
        write_text(self.path / "config.json", json.dumps(values, indent=2, default=str) + "\n")

    def write_splits(self, splits: Splits, root: Path) -> None:
        """``splits.csv``: which videos trained and which were held out, as ``--split`` reads it."""
        rows = [
            {"path": relative_path(r.path, root), "label": part.class_names[r.label], "split": name}
            for name, part in splits.items()
            for r in part.records
        ]
        write_text(self.path / SPLITS, _as_csv(rows))

    def add_row(self, row: Mapping[str, Any]) -> None:
        """One more row of ``metrics.csv``."""
        self._rows.append(row)
        write_text(self.path / "metrics.csv", _as_csv(self._rows))

    def save(self, model: VideoMamba, folder: Path) -> None:
        """The model as ``best`` or ``last``.

        A new folder appears whole, under a temporary name until then. In one that is there, ``save_pretrained`` moves
        each file into place; the configuration is the same all through a run, so it is a valid model at every moment.
        """
        if folder.exists():
            model.save_pretrained(folder)
            return
        with tempfile.TemporaryDirectory(dir=self.path, prefix=f".{folder.name}.") as temporary:
            whole = Path(temporary) / folder.name
            model.save_pretrained(whole)
            os.replace(whole, folder)


def check_output(path: Path) -> None:
    """Whether a run's folder can be made there; makes nothing.

    Raises:
        ValueError: something is there, or it may not be written to.
    """
    if path.is_dir() and any(path.iterdir()):
        raise ValueError(f"{path} is not empty; choose another folder for the run's output")
    nearest = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise ValueError(f"cannot write the run to {path}: {nearest} is not a folder that may be written to")


def write_text(path: Path, text: str) -> None:
    """Writes a file under a temporary name beside it, then moves it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _as_csv(rows: list[Any]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
