"""Files that commands write: whole or not at all."""

import contextlib
import csv
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from os import getpid
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside the file, of the same suffix, to write to; moved when all is well, removed when not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{getpid()}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


PICTURES = (".png", ".pdf", ".svg")


def check_suffix(name: str, file: Path, kinds: Sequence[str] = PICTURES) -> None:
    """
    Raises:
        ValueError: the file given for the option ``name`` is none of these kinds.
    """
    if file.suffix not in kinds:
        raise ValueError(f"{name} {file}: end it in one of {', '.join(kinds)}")


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
