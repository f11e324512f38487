"""Tables as csv text, csv files and Markdown."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from videomamba.files import write_text


def csv_lines(lines: Iterable[Sequence[Any]]) -> str:
    """Lines of csv without a header; None is an empty field, line ends of any kind are in quotation marks."""
    made = []
    for line in lines:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerow(line)  # makes it quote both characters
        made.append(text.getvalue().removesuffix("\r\n") + "\n")
    return "".join(made)


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """A header and a line per row.

    Args:
        rows: all with the same keys, in any order.
        columns: by default the keys of the first row; needed where there may be no row.

    Raises:
        ValueError: a row has other keys than the columns.
    """
    names = list(rows[0] if columns is None else columns)
    for row in rows:
        if set(row) != set(names):
            raise ValueError(f"a row with the columns {', '.join(row)}, not {', '.join(names)}")
    return csv_lines([names, *([row[name] for name in names] for row in rows)])


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """:func:`as_csv` in a file that appears whole."""
    write_text(path, as_csv(rows, columns))


def write_csv_lines(path: Path, lines: Iterable[Sequence[Any]]) -> None:
    """:func:`csv_lines` in a file that appears whole."""
    write_text(path, csv_lines(lines))


def as_markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The lines of a table."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *rows))
