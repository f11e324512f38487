"""Tables of rows as csv files and as Markdown."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from videomamba.files import write_text


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Rows with the columns of the first, or with these; None is an empty field.

    Raises:
        ValueError: a row has other columns.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns or rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """:func:`as_csv` to a file that appears whole."""
    write_text(path, as_csv(rows, columns))


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table's lines."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *rows))
