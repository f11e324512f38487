"""Broken files met during a run: the limit, the list, and the file it is kept in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from rich.console import Console

from videomamba.data.broken import COLUMNS, SkipBroken, labels_of, problem
from videomamba.data.datasets.csv import read_table
from videomamba.data.errors import VideoError
from videomamba.data.names import identity
from videomamba.tables import write_csv_lines

BROKEN = "broken.csv"  # in the run's folder; `--leave-out` reads it


class BrokenFiles:
    """Counts broken files over all parts; the same file counts once.

    Args:
        limit: the largest number allowed.
        console: for a line about each; None neither says nor writes anything.
        file: csv to list them in, as ``videomamba check --csv`` does; those that it lists already count.
    """

    def __init__(self, limit: int, console: Console | None = None, file: Path | None = None) -> None:
        self.limit, self.console, self.file = limit, console, file
        self.rows: dict[str, tuple[str, ...]] = {}
        if file is not None and file.is_file():
            for row in read_table(file, COLUMNS):
                self.rows[identity(Path(row.fields["path"]))] = tuple(row.fields[name] for name in COLUMNS)

    def met(self, dataset: SkipBroken, part: Any, name: str, indices: list[int]) -> None:
        """Notes samples of a part that were replaced by another one.

        Raises:
            VideoError: more broken files than allowed.
        """
        new = [i for i in dict.fromkeys(indices) if identity(part.records[i].path) not in self.rows]
        for index in new:
            path = part.records[index].path.absolute()
            why = problem(dataset, index)
            if len(self.rows) >= self.limit:
                raise VideoError(
                    f"{why}; more than {self.limit} files are broken (--skip-broken {self.limit}): `videomamba check "
                    "--csv FILE` finds all, --leave-out FILE goes on without them"
                )
            self.rows[identity(path)] = (str(path), name, labels_of(part)[index], "unreadable", why)
            if self.console is not None:
                self.console.print(
                    f"note: skipped, {len(self.rows)} of at most {self.limit}: {why}",
                    soft_wrap=True,
                    highlight=False,
                    markup=False,
                )
        if new and self.file is not None and self.console is not None:
            write_csv_lines(self.file, [COLUMNS, *self.rows.values()])


def broken_indices(batch: Mapping[str, Any], accelerator: Accelerator) -> list[int]:
    """Indices of a batch's broken samples, in all processes."""
    marked = torch.where(batch["broken"], batch["index"], -1)
    if accelerator.num_processes > 1:
        marked = accelerator.gather(marked)
    return [index for index in marked.tolist() if index >= 0]
