"""A csv file with columns ``path``, ``label`` and, for the split, ``split`` or any column with values to hold out."""

import csv
from pathlib import Path

from videomamba.data.annotations import Annotations, label_index
from videomamba.data.datasets.present import part
from videomamba.errors import UserError

_TEST_NAMES = ("test", "val", "validation")


def read_csv(
    path: str | Path, *, root: str | Path | None = None, hold_out: str | None = None, missing_ok: bool = False
) -> dict[str, Annotations]:
    """Train and test videos as a csv file names them.

    Args:
        path: the csv file, with a header.
        root: folder that its paths are relative to; by default the csv's own.
        hold_out: ``COLUMN=VALUE,VALUE``: rows with these values are the test set, all others train. Without it the
            column ``split`` says ``train`` or ``test`` (``val`` and ``validation`` count as test).
        missing_ok: keep quiet about videos that are not there.

    Returns:
        ``{"train": ..., "test": ...}``.

    Raises:
        UserError: a missing file, column, value or video, or an empty part; the line names what there is instead.
    """
    path = Path(path)
    rows = _rows(path)
    root = path.parent if root is None else Path(root)
    column, values = _held_out(path, rows, hold_out)
    labels = label_index([row["label"] for row in rows])
    parts: dict[str, list[tuple[Path | None, Path, int]]] = {"train": [], "test": []}
    missing = []
    for row in rows:
        video = root / row["path"]
        found = video if video.is_file() else None
        parts["test" if row[column] in values else "train"].append((found, video, labels[row["label"]]))
        missing += [video] if found is None else []
    if missing and not missing_ok:
        raise UserError(f"{path} names {len(missing)} videos that are not there, the first {missing[0]}")
    for name, records in parts.items():
        if not records:
            raise UserError(f"{path}: no row is in the {name} part ({column} held out: {', '.join(sorted(values))})")
    return {name: part(records, tuple(labels)) for name, records in parts.items()}


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            rows = [{key: value or "" for key, value in row.items() if key is not None} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as a csv file: {error}") from error
    for name in ("path", "label"):
        if name not in columns:
            raise UserError(f"{path} has no column {name!r}; it has {', '.join(columns) or 'no header'}")
    if not rows:
        raise UserError(f"{path} has a header and no rows")
    return rows


def _held_out(path: Path, rows: list[dict[str, str]], hold_out: str | None) -> tuple[str, set[str]]:
    """The column that splits, and its values that mean test."""
    columns = list(rows[0])
    if hold_out is None:
        if "split" not in columns:
            raise UserError(
                f"{path} has no column 'split'; it has {', '.join(columns)}: name what to hold out as COLUMN=VALUE,..."
            )
        odd = {row["split"] for row in rows} - {"train", *_TEST_NAMES}
        if odd:
            raise UserError(f"{path}: split is {sorted(odd)[0]!r} in some row; it must be train, test or val")
        return "split", set(_TEST_NAMES)
    column, equals, listed = hold_out.partition("=")
    if not equals or column not in columns:
        raise UserError(f"hold out {hold_out!r}: expected COLUMN=VALUE,... with a column of {', '.join(columns)}")
    present = {row[column] for row in rows}
    values = set(listed.split(","))
    if values - present:
        known = ", ".join(sorted(present)[:20])
        raise UserError(f"hold out {hold_out!r}: {column} has no value {sorted(values - present)[0]!r}; it has {known}")
    return column, values
