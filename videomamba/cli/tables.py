"""Tables and pictures that commands write."""

import csv
import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from videomamba.errors import UserError
from videomamba.files import check_writable, whole_file

PICTURES = (".png", ".pdf", ".svg")


def check_suffix(name: str, file: Path, kinds: Sequence[str] = PICTURES) -> None:
    """
    Raises:
        UserError: the file given for the option ``name`` is none of these kinds.
    """
    if file.suffix not in kinds:
        raise UserError(f"{name} {file}: end it in one of {', '.join(kinds)}")


def check_outputs(csv: Path | None, markdown: Path | None, plot: Path | None) -> None:
    """Before the work, whether its files can be written.

    Raises:
        UserError: one cannot, or ``plot`` is no picture.
    """
    for file in (csv, markdown, plot):
        if file is not None:
            check_writable(file, folder=False)
    if plot is not None:
        check_suffix("--plot", plot)


def write_csv(path: Path, rows: Sequence[Any]) -> None:
    """Rows are of one dataclass, whose fields are the columns."""
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(rows[0])], lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(dataclasses.asdict, rows))


def write_markdown(path: Path, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table."""
    with whole_file(path) as temporary:
        temporary.write_text(markdown_table(head, rows), encoding="utf-8")


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table's lines."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *rows))
