"""Continuing without broken files: those on a list, and those found broken when they are read."""

import dataclasses
import errno
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import default_collate

from videomamba.data.datasets.csv import read_table
from videomamba.data.datasets.epochs import EpochDataset, mixed_seed
from videomamba.data.errors import VideoError
from videomamba.data.names import identity, located
from videomamba.errors import UserError

COLUMNS = ("path", "part", "label", "problem", "reason")  # of a list of broken files
_STAND_INS = 20  # tried, before a data set is given up as broken
_OF_THE_FILE = (errno.EACCES, errno.EPERM, errno.EIO, errno.ENOENT)  # no other error of the system is a file's own


def read_leave_out(file: Path, root: Path) -> dict[str, str]:
    """Files of a csv with a column ``path``, as ``videomamba check --csv`` writes it: identity -> path as it is there.

    A path is relative to the data's folder or to the current one.

    Raises:
        UserError: the file cannot be read, or has no such column.
    """
    listed = {}
    for row in read_table(file, ("path",), may_be_empty=True):
        text = row.fields["path"]
        if not text.strip():
            raise UserError(f"{file}, line {row.line}: no path")
        found = [path for place in (root, Path()) if (path := located(place, text)) is not None]
        for path in found or [root / text, Path(text)]:  # one that is missing is left out too
            listed[identity(path)] = text
    return listed


def without(parts: Mapping[str, Any], left_out: Mapping[str, str], source: object) -> dict[str, Any]:
    """Parts without these files; notes say how many there were, and which are not among the videos at all.

    Args:
        parts: dataclasses with ``records`` that have a ``path``, and ``notes``.
        left_out: what :func:`read_leave_out` gives.
        source: what lists them, for the note.

    Raises:
        UserError: a part of which nothing is left.
    """
    rest: dict[str, Any] = {}
    unknown = set(left_out.values())
    for name, part in parts.items():
        fields = [field for field in ("records", "missing") if hasattr(part, field)]
        kept: dict[str, list[Any]] = {field: [] for field in fields}
        gone = 0
        for kind, record in ((field, record) for field in fields for record in getattr(part, field)):
            listed = left_out.get(identity(record.path))
            if listed is None:
                kept[kind].append(record)
            else:
                gone += 1
                unknown.discard(listed)
        if len(part) and not kept["records"]:
            raise UserError(f"{source} leaves out all {len(part)} videos of the {name} part")
        notes = (f"{gone} files of {source} are left out of the {name} part",) if gone else ()
        rest[name] = dataclasses.replace(part, **{f: tuple(r) for f, r in kept.items()}, notes=(*part.notes, *notes))
    if unknown:
        name, part = next(iter(rest.items()))
        note = f"{len(unknown)} files of {source} are not among these videos, the first {min(unknown)}"
        rest[name] = dataclasses.replace(part, notes=(*part.notes, note))
    return rest


def refuse_missing(parts: Mapping[str, Any], source: object) -> None:
    """Refuses parts with missing videos.

    Raises:
        UserError: a part has videos that are not there.
    """
    for name, part in parts.items():
        if missing := getattr(part, "missing", ()):
            raise UserError(
                f"{source}: {len(missing)} videos of the {name} part are not there and not left out, the first "
                f"{missing[0].path}"
            )


def is_of_the_file(error: Exception) -> bool:
    """Whether an error is a broken file's, and not one of memory or of the machine."""
    return isinstance(error, VideoError) or (isinstance(error, OSError) and error.errno in _OF_THE_FILE)


class SkipBroken(EpochDataset[Any]):
    """A data set in which another sample stands in for one that cannot be read, and is marked.

    Which one depends on (seed, epoch, index) alone, as all that is random in a data set.

    Args:
        dataset: samples, dictionaries with ``index``.
        seed: of the choice.
    """

    def __init__(self, dataset: Any, *, seed: int = 0) -> None:
        self.dataset = dataset
        self.seed = seed
        self._epoch = dataset._epoch  # one epoch for both, also where processes share it

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        try:
            return {**self.dataset[index], "broken": False}
        except (VideoError, OSError) as error:
            if not is_of_the_file(error):
                raise
            return {**self._stand_in(index, error), "index": index, "broken": True}

    def _stand_in(self, index: int, error: Exception) -> dict[str, Any]:
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, self.epoch, index))
        for other in torch.randint(len(self), (_STAND_INS,), generator=generator).tolist():
            try:
                sample: dict[str, Any] = self.dataset[other]
                return sample
            except (VideoError, OSError) as another:
                if not is_of_the_file(another):
                    raise
        raise error


class CollateBroken:
    """Collates as the data set does, and keeps which samples stand in: ``broken`` (B,) bool."""

    def __init__(self, collate: Callable[[list[Any]], Any] | None) -> None:
        self.collate = collate or default_collate

    def __call__(self, samples: list[dict[str, Any]]) -> Any:
        bare = [{name: value for name, value in sample.items() if name != "broken"} for sample in samples]
        return {**self.collate(bare), "broken": torch.tensor([sample["broken"] for sample in samples])}


def problem(dataset: SkipBroken, index: int) -> str:
    """Why a sample cannot be read, in one line; read once more, here."""
    try:
        dataset.dataset[index]
    except (VideoError, OSError) as error:
        return " ".join(str(error).split())
    return "could not be read during the run, but can be read now"


def labels_of(part: Any) -> Sequence[str]:
    """The class of each record, where it has one."""
    names = part.class_names
    return [names[r.label] if isinstance(getattr(r, "label", None), int) else "" for r in part.records]
