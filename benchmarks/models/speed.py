"""Whole models side by side: each in a process of its own, interleaved, so that drift in machine speed hits all alike.

A cell is a model at one number of frames, size, pass, precision and batch; running out of memory is a result too.
"""

import dataclasses
import json
import math
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from benchmarks.models.operations import video_tokens

_ROOT = Path(__file__).resolve().parents[2]
MEMORY, PATIENCE = "out of memory", "timed out"
_START = 300.0  # seconds that a process may take to import its libraries and make its model
_MOST = 4096  # clips


@dataclasses.dataclass(frozen=True)
class Cell:
    """What is measured.

    Attributes:
        model: its name.
        frames, size: of a clip.
        what: ``forward`` or ``training`` (forward, backward, AdamW's step).
        precision: ``fp32``, or ``bf16`` under autocast.
        batch: clips, or ``largest``: the largest power of two that fits memory and patience.
    """

    model: str
    frames: int
    size: int
    what: str
    precision: str
    batch: str

    def within(self, other: "Cell") -> bool:
        """The other is the same with as many frames and pixels or more."""
        alike = dataclasses.replace(self, frames=other.frames, size=other.size) == other
        return alike and self.frames <= other.frames and self.size <= other.size


@dataclasses.dataclass(frozen=True)
class Row(Cell):
    """What was measured.

    Attributes:
        result: ``ok``, or why there are no figures.
        tokens: 2 x 16 x 16 pieces of a clip, whatever the model cuts it into.
        clips: of the batch that was run.
        passes: that were timed.
        milliseconds: median of a pass over the batch.
        clips_per_second: clips over that median.
        peak_mib: highest memory; on a CPU of the process, beyond PyTorch's own; on CUDA of its tensors.
        parameters: of the model.
        attention: how it computes attention, where it does.
    """

    result: str
    tokens: int
    clips: int | None = None
    passes: int = 0
    milliseconds: float | None = None
    clips_per_second: float | None = None
    peak_mib: float | None = None
    parameters: int | None = None
    attention: str = ""

    @property
    def cell(self) -> Cell:
        return Cell(*(getattr(self, field.name) for field in dataclasses.fields(Cell)))

    @classmethod
    def from_text(cls, texts: dict[str, str]) -> Self:
        """A row of the csv file."""
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            text, kind = texts[field.name], str(field.type)
            if not text and "None" in kind:
                values[field.name] = None
            else:
                values[field.name] = float(text) if "float" in kind else int(text) if "int" in kind else text
        return cls(**values)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How cells are measured.

    Attributes:
        device: cpu, cuda or mps.
        patience: seconds that a cell may compute in total; the start of its process is not counted.
        rounds: turns of each model, at most.
        turn: rough seconds of timed passes per turn.
        memory: bytes that a process may take on a CPU; None for no limit.
    """

    device: str
    patience: float
    rounds: int = 3
    turn: float = 2.0
    memory: int | None = None


class Worker:
    """A process with one model, and the patience that is left for it; ``root``: of the checkout whose model it is."""

    def __init__(self, cell: Cell, settings: Settings, root: Path = _ROOT) -> None:
        self.cell, self.settings, self.root = cell, settings, root
        self.left = settings.patience
        self.seconds: list[float] = []
        self.peak: float | None = None
        self.last_turn = 0.0
        self.result: str | None = None
        self.facts: dict[str, Any] = {}
        self.clips: int | None = None
        self._start()

    def _start(self) -> None:
        spec = {**dataclasses.asdict(self.cell), "device": self.settings.device, "memory": self.settings.memory}
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.models.worker", json.dumps(spec)],
            cwd=self.root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,  # Ctrl-C is for the parent, which stops it
            env={**os.environ, "TRANSFORMERS_VERBOSITY": "error"},
        )

    def await_start(self) -> None:
        """Until the model is made; several processes start at the same time."""
        answer = self._answer(_START)
        if answer is None:
            self.result = self.result or f"failed: no start within {_START:.0f} s"
        else:
            self.facts = answer

    def set_batch(self) -> None:
        """The batch that the cell asks for; ``largest`` tries 1, 2, 4, ... each for a pass and another."""
        if self.result is not None:
            return
        if self.cell.batch != "largest":
            self._ask(f"batch {self.cell.batch}", self.settings.patience)
            self.clips = int(self.cell.batch)
            return
        fits, clips = 0, 1
        while clips <= _MOST and self.result is None:
            began = time.perf_counter()
            if self._ask(f"batch {clips}", self.left) is None or self._ask("turn 0", self.left) is None:
                break
            fits = clips
            if 2 * (time.perf_counter() - began) > self.settings.patience / 2:  # the next one could not be timed
                break
            clips *= 2
        if not fits:
            return
        if self.result is not None:  # it died at the larger batch
            self.close()
            self.result, self.peak = None, None
            self._start()
            self.await_start()
        self.clips, self.left, self.last_turn = fits, self.settings.patience, 0.0
        if self.result is None:
            self._ask(f"batch {fits}", self.left)

    @property
    def wants_turn(self) -> bool:
        return self.result is None and (not self.seconds or self.last_turn <= self.left)

    def take_turn(self) -> None:
        began = time.perf_counter()
        answer = self._ask(f"turn {self.settings.turn}", self.left)
        self.last_turn = time.perf_counter() - began
        self.left -= self.last_turn
        if answer is not None:
            self.seconds += answer["seconds"]
            self.peak = answer["peak_mib"]

    def row(self) -> Row:
        """The figures so far; a cell with a timed pass counts even if it then timed out."""
        facts: dict[str, Any] = {name: self.facts[name] for name in ("parameters", "attention") if name in self.facts}
        cell = dataclasses.asdict(self.cell)
        tokens = video_tokens(self.cell.frames, self.cell.size)
        if not self.seconds or self.result not in (None, PATIENCE):
            return Row(**cell, **facts, tokens=tokens, clips=self.clips, result=self.result or PATIENCE)
        median = statistics.median(self.seconds)
        return Row(
            **cell,
            **facts,
            tokens=tokens,
            clips=self.clips,
            result="ok",
            passes=len(self.seconds),
            milliseconds=1e3 * median,
            clips_per_second=(self.clips or 0) / median,
            peak_mib=self.peak,
        )

    def close(self) -> None:
        """Ends the process, whatever it is doing."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _ask(self, command: str, patience: float) -> dict[str, Any] | None:
        if self.result is not None:
            return None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has died; its answer says why
        return self._answer(patience)

    def _answer(self, patience: float) -> dict[str, Any] | None:
        """The next line; None with ``result`` set where there is none, or the line is an error."""
        out = self._process.stdout
        assert out is not None
        if not select.select([out], [], [], max(0.0, patience))[0]:
            self.result = PATIENCE
            self._process.kill()
            return None
        line = out.readline()
        if not line:
            self.result = self._died_of()
            return None
        answer: dict[str, Any] = json.loads(line)
        self.result = answer.get("error")
        return None if self.result else answer

    def _died_of(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().strip().splitlines()
        if code == -9 or any("bad_alloc" in line for line in said):  # the kernel's killer, or C++
            return MEMORY
        return f"failed: {said[-1] if said else f'exit status {code}'}"


def measure(cells: Sequence[Cell], settings: Settings, done: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows of all cells that are not done, as they come: those that differ by the model alone together, in turns.

    A cell that is larger than one that ran out of memory or patience is not run, and its result says so.
    """
    rows = list(done)
    finished = {row.cell for row in rows}
    groups: dict[Cell, list[Cell]] = {}
    for cell in sorted(cells, key=lambda c: video_tokens(c.frames, c.size)):
        if cell not in finished:
            groups.setdefault(dataclasses.replace(cell, model=""), []).append(cell)
    for group in groups.values():
        hopeless = [row for cell in group if (row := _known_to_fail(cell, rows)) is not None]
        gone = {row.cell for row in hopeless}
        found = [*hopeless, *_in_turns([cell for cell in group if cell not in gone], settings)]
        rows += found
        yield found


def _known_to_fail(cell: Cell, rows: Sequence[Row]) -> Row | None:
    for row in rows:
        if row.result in (MEMORY, PATIENCE) and row.cell.within(cell):
            result = f"{row.result} at {row.frames} x {row.size} already"
            return Row(**dataclasses.asdict(cell), tokens=video_tokens(cell.frames, cell.size), result=result)
    return None


def _in_turns(cells: Sequence[Cell], settings: Settings) -> list[Row]:
    workers: list[Worker] = []
    try:
        for cell in cells:
            workers.append(Worker(cell, settings))
        for worker in workers:
            worker.await_start()
        for worker in workers:
            worker.set_batch()
        for turn in range(settings.rounds):
            start = turn % max(1, len(workers))
            for worker in (*workers[start:], *workers[:start]):  # no model always runs after the same one
                if worker.wants_turn:
                    worker.take_turn()
        rows = [worker.row() for worker in workers]
    finally:
        for worker in workers:
            worker.close()
    if len(cells) > 1:  # another try for those that had to share the memory
        rows = [row if row.result != MEMORY else _in_turns([row.cell], settings)[0] for row in rows]
    return rows


def available_memory() -> int | None:
    """Bytes that processes may take without swapping; None if the system does not report it."""
    file = Path("/proc/meminfo")
    if not file.is_file():
        return None
    line = next(line for line in file.read_text().splitlines() if line.startswith("MemAvailable"))
    return 1024 * int(line.split()[1])


def points(rows: Sequence[Row], model: str, what: str, precision: str, batch: str) -> list[tuple[float, float]]:
    """(tokens, milliseconds per clip) of one model's cells that have figures."""
    wanted = (model, what, precision, batch)
    return [
        (float(row.tokens), row.milliseconds / (row.clips or math.nan))
        for row in rows
        if (row.model, row.what, row.precision, row.batch) == wanted and row.milliseconds is not None
    ]
