"""Which videos there are and what they show."""

import dataclasses
import hashlib
import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from videomamba.data.errors import VideoError
from videomamba.data.names import class_name, identity, in_order
from videomamba.data.splits import Part
from videomamba.data.walk import Found, search
from videomamba.errors import UserError


@dataclass(frozen=True)
class VideoRecord:
    """A video file and its class."""

    path: Path
    label: int


@dataclass(frozen=True)
class Annotations(Part):
    """Videos of one split, and the names that their labels stand for.

    Attributes:
        records: the videos that are there.
        class_names: of the labels, in order.
        missing: videos that are annotated and not there, under the names that were expected.
        published: videos that the part has as published, where that is known.
        notes: what people should know of how these were found, one line each.
    """

    records: tuple[VideoRecord, ...]
    class_names: tuple[str, ...]
    missing: tuple[VideoRecord, ...] = ()
    published: int | None = None
    notes: tuple[str, ...] = ()

    def rows(self, root: Path) -> list[dict[str, str]]:
        """Path, relative to ``root`` where it lies below, and label of each video, as a split file names them."""
        return [{"path": relative(r.path, root), "label": self.class_names[r.label]} for r in self.records]


def relative(path: Path, root: Path) -> str:
    """A path below ``root`` as it is written down, however both are spelled; absolute where it is elsewhere."""
    if path.is_relative_to(root):
        return str(path.relative_to(root))
    whole, base = os.path.abspath(path), os.path.abspath(root)
    for here, there in ((whole, base), (os.path.realpath(path), os.path.realpath(root))):
        if here.startswith(there.rstrip(os.sep) + os.sep):
            return os.path.relpath(here, there)
    return whole


def find_videos(paths: Iterable[str | Path]) -> list[Path]:
    """Files as they are, and all videos in folders and below, sorted; nothing is opened.

    Raises:
        VideoError: a folder without any video.
    """
    return list(search_videos(paths).videos)


def search_videos(paths: Iterable[str | Path]) -> Found:
    """:func:`find_videos`, and how many other files the folders hold, by suffix.

    Raises:
        VideoError: a folder without any video.
    """
    found = Found()
    for path in map(Path, paths):
        if not path.is_dir():
            found += Found((path,))
            continue
        inside = search(path)
        if not inside.videos:
            held = ", ".join(f"{suffix or 'no suffix'} {n}" for suffix, n in inside.others.most_common(5)) or "no file"
            raise VideoError(f"{path} holds no video; it holds {held}")
        found += inside
    return found


def split_holdout(
    annotations: Annotations, *, fraction: float = 0.2, seed: int = 0, root: str | Path | None = None
) -> dict[str, Annotations]:
    """Train and test parts: about ``fraction`` of each class is held out.

    A hash of ``seed`` and the video's name decides for each video by itself, so the others stay where they are when one
    is added or removed. At least one video of each class is on either side; a class's only one trains.

    Args:
        annotations: all videos.
        fraction: held out, from 0 to 1.
        seed: another one draws other videos.
        root: names are relative to this folder; by default they are the files' own.

    Returns:
        ``{"train": ..., "test": ...}``, the same for the same seed.
    """
    draws = [_draw(seed, r.path.name if root is None else relative(r.path, Path(root))) for r in annotations.records]
    held_out = {i for i, draw in enumerate(draws) if draw < fraction}
    members: dict[int, list[int]] = {}
    for i, record in enumerate(annotations.records):
        members.setdefault(record.label, []).append(i)
    for listed in members.values():
        first, last = (
            choose(listed, key=lambda i: (draws[i], str(annotations.records[i].path))) for choose in (min, max)
        )
        if len(listed) > 1:
            held_out.add(first)
        held_out.discard(last)

    def part(keep: bool) -> Annotations:
        chosen = tuple(r for i, r in enumerate(annotations.records) if (i in held_out) == keep)
        return dataclasses.replace(annotations, records=chosen, missing=(), notes=() if keep else annotations.notes)

    return {"train": part(False), "test": part(True)}


def _draw(seed: int, name: str) -> float:
    """A number from 0 to below 1 that depends on these two alone."""
    text = f"{seed}/{unicodedata.normalize('NFC', name)}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=6, person=b"holdout").digest()) / 2**48


def label_index(names: Iterable[str]) -> dict[str, int]:
    """Name -> label of distinct names, see :func:`videomamba.data.names.in_order`."""
    return {name: i for i, name in enumerate(in_order(names))}


def model_labels(annotations: Annotations, class_names: Sequence[str]) -> Annotations:
    """The same videos under a model's labels; classes of the model without videos are fine.

    Raises:
        UserError: a class that the model does not know.
    """
    index = {class_name(name): i for i, name in enumerate(class_names)}
    unknown = [name for name in annotations.class_names if class_name(name) not in index]
    if unknown:
        raise UserError(
            f"the model does not know {len(unknown)} of the {len(annotations.class_names)} classes here: "
            f"{_first(unknown)}; it knows {_first(class_names)}"
        )
    labels = [index[class_name(name)] for name in annotations.class_names]
    records, missing = (
        tuple(VideoRecord(r.path, labels[r.label]) for r in listed)
        for listed in (annotations.records, annotations.missing)
    )
    return dataclasses.replace(annotations, records=records, missing=missing, class_names=tuple(class_names))


def check_disjoint(parts: dict[str, Annotations], where: object) -> dict[str, Annotations]:
    """The parts with each file once; a note counts those that were named again.

    Raises:
        UserError: a file with two labels, or in two parts: figures of the test would be of what was learnt.
    """
    seen: dict[str, tuple[str, VideoRecord]] = {}
    checked = {}
    for name, part in parts.items():
        kept = []
        for record in part.records:
            before = seen.setdefault(identity(record.path), (name, record))
            if before[1] is record:
                kept.append(record)
                continue
            if before[1].label != record.label:
                first, second = (part.class_names[r.label] for r in (before[1], record))
                raise UserError(
                    f"{where}: one video has two labels: {before[1].path} {first!r}, {record.path} {second!r}"
                )
            if before[0] != name:
                raise UserError(
                    f"{where}: one video is in two parts: {before[1].path} in {before[0]}, {record.path} in {name}"
                )
        again = len(part.records) - len(kept)
        notes = (f"{where}: {again} videos of the {name} part are there twice and count once",) if again else ()
        checked[name] = dataclasses.replace(part, records=tuple(kept), notes=(*part.notes, *notes))
    return checked


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
