"""What comes out of a run: its figures, or why and where it stopped."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videomamba.errors import FieldError


class TrainingError(FieldError):
    """Training cannot go on; the message says at which step, and what to try."""


class TrainingInterrupted(KeyboardInterrupt):
    """Stopped on request, with the whole state saved.

    Attributes:
        folder: the run's.
        epoch: in which it stopped, from 1.
    """

    def __init__(self, folder: Path, epoch: int) -> None:
        super().__init__(f"stopped in epoch {epoch}; {folder} holds the whole state")
        self.folder = folder
        self.epoch = epoch


@dataclass(frozen=True)
class TrainResult:
    """What came out of a run.

    Attributes:
        folder: the run's.
        best, last: rows of its ``metrics.csv``.
        views: the last weights' report on the test part with several views of each video; None without one.
        test: reports of the ``best`` and ``last`` weights on the test part, where a part ``val`` has picked the best.
        minutes: spent on it, in all sessions together.
    """

    folder: Path
    best: dict[str, Any]
    last: dict[str, Any]
    views: dict[str, Any] | None = None
    test: dict[str, Any] | None = None
    minutes: float = 0.0
