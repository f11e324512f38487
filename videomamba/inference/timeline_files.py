"""The files of a timeline: a csv that grows and can be gone on with, and the json and picture that are made of it."""

import csv
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from matplotlib.figure import Figure
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from videomamba.errors import UserError
from videomamba.files import printable, whole_file
from videomamba.inference.timeline import Moment
from videomamba.tables import csv_lines
from videomamba.viz.scores import scores_figure

_COLUMNS = ("time_s", "start_s", "end_s", "label", "score")
_BINS = 1500  # points of a curve in the picture
_CURVES = 8  # in the picture
_MOMENTS = '  "moments"'  # begins the last key of the json, which may be long


@dataclass(frozen=True)
class Span:
    """A stretch in which one class has the highest score; borders are half-way between two scores."""

    start_s: float
    end_s: float
    label: str
    score: float


class TimelineFiles:
    """``NAME.csv``, and ``NAME.json`` and ``NAME.png`` when all is done.

    Until then ``NAME.csv.resume`` lies beside the csv: what is needed to go on. A csv without it is complete.

    Args:
        csv: the file.
        labels: of the classes.
        facts: what the result is of; a csv is gone on with only for the same facts.

    Attributes:
        count: rows of the csv.
    """

    def __init__(self, csv: Path, labels: Sequence[str], facts: dict[str, Any]) -> None:
        self.csv, self.labels, self.facts = csv, tuple(labels), facts
        self.json, self.picture = csv.with_suffix(".json"), csv.with_suffix(".png")
        self.state = csv.with_name(f"{csv.name}.resume")
        self.count = 0
        self._file: BinaryIO | None = None

    @property
    def is_complete(self) -> bool:
        """Whether a csv is there that needs nothing more."""
        return self.csv.is_file() and not self.state.is_file()

    def begin(self, kept: dict[str, Tensor] | None) -> None:
        """An empty csv.

        Args:
            kept: what :meth:`go_on` will give until a state is saved; None where nothing can be gone on with.

        Raises:
            UserError: an unfinished one is there.
        """
        if self.state.is_file():
            raise UserError(f"{self.csv} is not finished: --resume goes on with it; delete {self.state} to begin anew")
        self.csv.parent.mkdir(parents=True, exist_ok=True)
        if kept is not None:
            self._write_state(kept, size=0)  # before the csv, which without it would count as complete
        self._open_empty()

    def go_on(self) -> dict[str, Tensor]:
        """Opens the csv where its state was saved, and gives that state.

        Raises:
            UserError: the state cannot be read, or is of another video, model or window.
        """
        try:
            with safe_open(self.state, "pt") as file:
                facts = json.loads(file.metadata()["facts"])
                kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                size, count = int(file.metadata()["bytes"]), int(file.metadata()["rows"])
        except Exception as error:  # safetensors has many
            raise UserError(f"{self.state} cannot be read: delete it to begin anew") from error
        self._check_facts(facts)
        if not count:
            self._open_empty()
            return kept
        if not self.csv.is_file() or self.csv.stat().st_size < size:
            raise UserError(f"{self.csv} lacks rows that were there: delete {self.state} to begin anew")
        self._file = self.csv.open("r+b")
        self._file.truncate(size)
        self._file.seek(size)
        self.count = count
        return kept

    def finished(self) -> list[Span]:
        """The stretches of a csv that is complete.

        Raises:
            UserError: it is of another video, model or window, or its json cannot be read.
        """
        try:
            with self.json.open(encoding="ascii") as file:
                head = "".join(itertools.takewhile(lambda line: not line.startswith(_MOMENTS), file))
            found = json.loads(head.rstrip().removesuffix(",") + "}")
            spans = [Span(**span) for span in found["spans"]]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise UserError(
                f"{self.csv} is there, but not {self.json}, which says what it is of: delete {self.csv} to begin anew"
            ) from error
        self._check_facts(found, classes=self.labels)
        return spans

    def _check_facts(self, found: dict[str, Any], **more: Any) -> None:
        wanted = json.loads(json.dumps({**self.facts, **more}, default=str))
        other = ", ".join(name for name, value in wanted.items() if found.get(name) != value)
        if other:
            raise UserError(f"{self.csv} is of another {other}: give the same options, or another --output")

    def add(self, moment: Moment) -> None:
        """One more row, which is in the file when this returns."""
        assert self._file is not None
        best = int(moment.scores.argmax())
        times = (f"{value:.6f}" for value in (moment.seconds, moment.start, moment.end))
        scores = [f"{value:.6f}" for value in moment.scores.tolist()]
        line = csv_lines([(*times, self.labels[best], scores[best], *scores)])
        self._file.write(line.encode("utf-8", "surrogateescape"))
        self._file.flush()
        self.count += 1

    def save(self, kept: dict[str, Tensor]) -> None:
        """What :meth:`go_on` will give, for the rows so far."""
        assert self._file is not None
        self._write_state(kept, size=self._file.tell())

    def _open_empty(self) -> None:
        self._file = self.csv.open("wb")
        self._file.write(csv_lines([(*_COLUMNS, *self.labels)]).encode("utf-8", "surrogateescape"))
        self._file.flush()

    def _write_state(self, kept: dict[str, Tensor], size: int) -> None:
        metadata = {"facts": json.dumps(self.facts), "bytes": str(size), "rows": str(self.count)}
        with whole_file(self.state) as temporary:
            save_file({name: value.contiguous() for name, value in kept.items()}, temporary, metadata)

    def finish(self, title: str) -> list[Span]:
        """Makes the json and the picture of the csv; returns its stretches.

        Memory does not depend on the number of rows.
        """
        self.close()
        spans = merged_spans(self.rows(), self.labels)
        figure = self.figure(spans, title=title)
        with whole_file(self.picture) as temporary:
            figure.savefig(temporary, format="png", dpi=120)
        with whole_file(self.json) as temporary, temporary.open("w", encoding="ascii") as file:
            head = {**self.facts, "classes": self.labels, "spans": [vars(span) for span in spans]}
            file.write(f"{json.dumps(head, indent=2, default=str)[:-2]},\n{_MOMENTS}: [")
            for i, (times, scores) in enumerate(self.rows()):
                row = {**dict(zip(_COLUMNS[:3], times, strict=True)), "scores": scores.tolist()}
                file.write((",\n    " if i else "\n    ") + json.dumps(row))
            file.write("\n  ]\n}\n")
        self.state.unlink(missing_ok=True)
        return spans

    def figure(self, spans: Sequence[Span], **options: Any) -> Figure:
        """The rows so far; options as of :func:`videomamba.viz.scores.scores_figure`."""
        return scores_figure(*self._curves(), spans=[(s.label, s.start_s, s.end_s) for s in spans], **options)

    def rows(self) -> Iterator[tuple[tuple[float, ...], np.ndarray]]:
        """Times and scores (C,) of each row, read from the csv."""
        with self.csv.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            lines = csv.reader(file)
            next(lines)
            for line in lines:
                values = np.array([float(x) for x in line[len(_COLUMNS) :]])
                yield tuple(float(x) for x in line[:3]), values.round(6)

    def close(self) -> None:
        """Closes the csv; one without any row vanishes."""
        if self._file is None:
            return
        self._file.close()
        if not self.count:
            self.csv.unlink(missing_ok=True)
            self.state.unlink(missing_ok=True)

    def _curves(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Times and scores of the classes that are highest somewhere, means over at most _BINS stretches of rows."""
        count, peak = 0, np.zeros(len(self.labels))
        for _, scores in self.rows():
            count += 1
            peak = np.maximum(peak, scores)
        per_bin = max(1, -(-count // _BINS))
        shown = np.argsort(-peak, kind="stable")[:_CURVES]
        times, curves = [], []
        rows = self.rows()
        while part := list(itertools.islice(rows, per_bin)):
            times.append(float(np.mean([t[0] for t, _ in part])))
            curves.append(np.mean([scores[shown] for _, scores in part], axis=0))
        return np.array(times), {printable(self.labels[k]): np.array(curves)[:, i] for i, k in enumerate(shown)}


def merged_spans(rows: Iterator[tuple[tuple[float, ...], np.ndarray]], labels: Sequence[str]) -> list[Span]:
    """Stretches of rows with the same best class, from the first window's first frame to the last one's last."""
    spans: list[Span] = []
    total, count, before, end = 0.0, 0, 0.0, 0.0
    best = -1
    start = 0.0
    for (seconds, first, last), scores in rows:
        now = int(scores.argmax())
        if now != best:
            border = first if best < 0 else (before + seconds) / 2
            if best >= 0:
                spans.append(Span(start, border, labels[best], round(total / count, 6)))
            best, start, total, count = now, border, 0.0, 0
        total, count, before, end = total + float(scores[now]), count + 1, seconds, last
    if best >= 0:
        spans.append(Span(start, end, labels[best], round(total / count, 6)))
    return spans
