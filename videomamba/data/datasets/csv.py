"""A csv file with columns ``path``, ``label`` and, for the split, ``split`` or any column with values to hold out."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from videomamba.data.annotations import Annotations, VideoRecord, label_index
from videomamba.data.datasets.parts import KNOWN, in_two_or_three, part_of, roles
from videomamba.data.names import class_name, differing_in_case, identity, located
from videomamba.errors import UserError
from videomamba.files import printable, read_csv_lines


class Row(NamedTuple):
    """A line of the file and its fields by column, without space around them."""

    line: int
    fields: dict[str, str]


class _Video(NamedTuple):
    line: int
    path: Path
    found: bool
    label: str
    part: str


def read_csv(
    path: str | Path, *, root: str | Path | None = None, hold_out: str | None = None, missing_ok: bool = False
) -> dict[str, Annotations]:
    """Train and test videos as a csv file names them.

    Space around a field does not count. A path may have backslashes for slashes. A row that is there twice counts once.

    Args:
        path: the csv file, with a header.
        root: folder that its paths are relative to; by default the csv's own.
        hold_out: ``COLUMN=VALUE,VALUE``: rows with these values are the test set, all others train. Without it the
            column ``split`` says ``train``, ``val`` or ``test`` (or ``training``, ``Validation`` and the like).
        missing_ok: keep quiet about videos that are not there.

    Returns:
        ``{"train": ..., "test": ...}``, and ``"val"`` between them where the file has all three; without ``test``,
        ``val`` is the test part.

    Raises:
        UserError: a missing file, column, value or video, an empty label, an empty part, one video with two labels or
            in two parts; the line names what there is instead.
    """
    path = Path(path)
    rows = read_table(path, ("path", "label"))
    root = path.parent if root is None else Path(root)
    split = _splitter(path, rows, hold_out)
    videos = [_video(path, row, root, split(row)) for row in rows]
    missing = [video.path for video in videos if not video.found]
    if missing and not missing_ok:
        raise UserError(f"{path} names {len(missing)} videos that are not there, the first {missing[0]}")
    kept = _once(path, videos)
    labels = label_index(video.label for video in kept)
    grouped: dict[str, list[_Video]] = {}
    for video in kept:
        grouped.setdefault(video.part, []).append(video)
    named = in_two_or_three(grouped)
    for name in ("train", "test"):
        if not named.get(name):
            held = "" if hold_out is None else f" ({hold_out} held out)"
            raise UserError(f"{path}: no row is in the {name} part{held}")
    parts = {name: _annotations(listed, labels) for name, listed in named.items()}
    notes = _notes(path, len(videos) - len(kept), parts)
    return {**parts, "train": dataclasses.replace(parts["train"], notes=notes)}


def read_table(path: Path, needed: Iterable[str], *, may_be_empty: bool = False) -> list[Row]:
    """Rows of a csv file with a header; unless it ``may_be_empty``, at least one.

    Raises:
        UserError: it cannot be read, lacks a column, has one of these twice, or a row has more fields than the header.
    """
    lines = read_csv_lines(path, names=True)
    line, columns = next(lines, (0, []))
    columns = [column.strip() for column in columns]
    there = f"{', '.join(filter(None, map(printable, columns))):.400}"
    for name in needed:
        if name not in columns:
            raise UserError(f"{path} has no column {name!r}; it has {there or 'no header'}")
    twice = next((name for name, count in Counter(columns).items() if name and count > 1), None)
    if twice is not None:
        raise UserError(f"{path} has the column {twice!r:.80} twice; it has {there}")
    rows = []
    for line, fields in lines:
        if any(field.strip() for field in fields[len(columns) :]):
            raise UserError(
                f"{path}, line {line}: {len(fields)} fields for {len(columns)} columns; put a field with a comma in "
                "quotation marks"
            )
        padded = [*fields, *[""] * (len(columns) - len(fields))]
        # the path is as it is: a name may begin or end with a space
        values = {c: v if c == "path" else v.strip() for c, v in zip(columns, padded, strict=False) if c}
        rows.append(Row(line, values))
    if not rows and not may_be_empty:
        raise UserError(f"{path} has a header and no rows")
    return rows


def _splitter(path: Path, rows: list[Row], hold_out: str | None) -> Callable[[Row], str]:
    """From a row to its part."""
    columns = list(rows[0].fields)
    if hold_out is None:
        if "split" not in columns:
            raise UserError(
                f"{path} has no column 'split'; it has {', '.join(columns)}: name what to hold out as COLUMN=VALUE,..."
            )
        return lambda row: _part(path, row)
    column, equals, listed = hold_out.partition("=")
    column = column.strip()
    if not equals or column not in columns:
        raise UserError(f"hold out {hold_out!r}: expected COLUMN=VALUE,... with a column of {', '.join(columns)}")
    present = {row.fields[column].strip() for row in rows}
    values = {value.strip() for value in listed.split(",")}
    if values - present:
        known = ", ".join(sorted(present)[:20])
        raise UserError(f"hold out {hold_out!r}: {column} has no value {sorted(values - present)[0]!r}; it has {known}")
    return lambda row: "test" if row.fields[column].strip() in values else "train"


def _part(path: Path, row: Row) -> str:
    part = part_of(row.fields["split"])
    if part is None:
        raise UserError(f"{path}, line {row.line}: split is {row.fields['split']!r:.80}; it must be {KNOWN}")
    return part


def _video(path: Path, row: Row, root: Path, part: str) -> _Video:
    text, label = row.fields["path"], class_name(row.fields["label"])
    if not text.strip():
        raise UserError(f"{path}, line {row.line}: no path")
    if not label:
        raise UserError(f"{path}, line {row.line}: no label")
    if printable(label) != label and label not in map(class_name, Path(text).parts):  # a folder's name may be anything
        raise UserError(
            f"{path}, line {row.line}: label {printable(label)!r:.80} is not UTF-8; save the file as UTF-8 text"
        )
    found = located(root, text)
    return _Video(row.line, found or root / text.strip(), found is not None, label, part)


def _once(path: Path, videos: list[_Video]) -> list[_Video]:
    """Each video once.

    Raises:
        UserError: one with two labels, or in two parts.
    """
    first: dict[str, _Video] = {}
    for video in videos:
        before = first.setdefault(identity(video.path), video)
        where = f"{path}, lines {before.line} and {video.line}: {video.path}"
        if before.label != video.label:
            raise UserError(f"{where} has two labels, {before.label!r:.80} and {video.label!r:.80}")
        if before.part != video.part:
            raise UserError(f"{where} is in two parts, {before.part} and {video.part}")
    return list(first.values())


def _annotations(videos: list[_Video], labels: dict[str, int]) -> Annotations:
    there, missing = (
        tuple(VideoRecord(v.path, labels[v.label]) for v in videos if v.found == found) for found in (True, False)
    )
    return Annotations(there, tuple(labels), missing=missing)


def _notes(path: Path, again: int, parts: dict[str, Annotations]) -> tuple[str, ...]:
    names = parts["train"].class_names
    shown = {name: {r.label for r in (*part.records, *part.missing)} for name, part in parts.items()}
    unseen = [names[label] for label in sorted(set().union(*shown.values()) - shown["train"])]
    notes = [*roles({name: len(part) for name, part in parts.items()}, path)]
    if again:
        notes.append(f"{path}: {again} rows are there twice and count once")
    if unseen:
        notes.append(f"{path}: no training video shows {', '.join(unseen[:5])}{', ...' if len(unseen) > 5 else ''}")
    notes += [f"{path}: labels that differ in case only: {', '.join(group)}" for group in differing_in_case(names)]
    return tuple(notes)
