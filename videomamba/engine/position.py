"""Progress of a run."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Position:
    """Progress of a run: what a checkpoint needs besides weights and optimiser state.

    Attributes:
        epoch: the current one, from 1.
        batch: batches of it that are done.
        step: steps of the optimiser since the start.
        lr: of the last batch.
        sums: of the epoch so far: loss, right answers, clips.
        rows: of ``metrics.csv``, one per finished epoch.
        best: the best of them.
        minutes: spent on the run before this session.
    """

    epoch: int = 1
    batch: int = 0
    step: int = 0
    lr: float = 0.0
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    rows: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Any] | None = None
    minutes: float = 0.0
