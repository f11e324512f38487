"""What the stages found, written as they go: a file of each stage, and gpu.json and gpu.md of all of them."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videomamba.files import read_json, write_json, write_text
from videomamba.tables import as_markdown

_PARTS = "stages"


@dataclass
class Record:
    """One stage's lines and rows.

    Attributes:
        folder: of all stages.
        stage: its name.
        until: on the clock of ``time.monotonic``; what is not begun by then is left out.
    """

    folder: Path
    stage: str
    until: float
    lines: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    failed: bool = False
    done: bool = False

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._write()

    @property
    def late(self) -> bool:
        """Whether the stage's time is over."""
        return time.monotonic() > self.until

    def line(self, text: str, *, failed: bool = False) -> None:
        """A sentence for people, also on standard output."""
        print(f"[{self.stage}] {text}", flush=True)
        self.lines.append(text)
        self.failed |= failed
        self._write()

    def row(self, **values: Any) -> None:
        """A row of the stage's table."""
        print(f"[{self.stage}] " + ", ".join(f"{name} {shown(value)}" for name, value in values.items()), flush=True)
        self.rows.append(values)
        self._write()

    def finish(self) -> None:
        self.done = True
        self._write()

    def _write(self) -> None:
        facts = {name: getattr(self, name) for name in ("stage", "done", "failed", "lines", "rows")}
        write_json(self.folder / _PARTS / f"{self.stage}.json", {**facts, "seconds": time.monotonic() - self._began})
        write_report(self.folder)


def write_report(folder: Path) -> dict[str, Any]:
    """gpu.json and gpu.md of what the stages have written so far, in the order in which they began."""
    files = sorted((folder / _PARTS).glob("*.json"), key=lambda file: (file.stat().st_ctime_ns, file.name))
    machine = folder / "machine.json"
    found = {"machine": read_json(machine) if machine.is_file() else {}, "stages": [read_json(f) for f in files]}
    write_text(folder / "gpu.json", json.dumps(found, indent=1, default=str) + "\n")
    write_text(folder / "gpu.md", _markdown(found["machine"], found["stages"]))
    return found


def _markdown(machine: Mapping[str, Any], stages: Sequence[Mapping[str, Any]]) -> str:
    parts = ["# Triton kernels on a GPU\n", "".join(f"- {name}: {value}\n" for name, value in machine.items())]
    for stage in stages:
        state = "failed" if stage["failed"] else "done" if stage["done"] else "cut off: what it had"
        parts.append(f"\n## {stage['stage']} ({state}, {stage['seconds']:.0f} s)\n\n")
        parts += [f"- {line}\n" for line in stage["lines"]]
        for head in dict.fromkeys(tuple(row) for row in stage["rows"]):  # rows of one kind are one table
            rows = [[shown(row[name]) for name in head] for row in stage["rows"] if tuple(row) == head]
            parts.append("\n" + as_markdown(head, rows))
    return "".join(parts)


def shown(value: Any) -> str:
    """A cell's text: three digits of a fraction, nothing for None."""
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
