"""What a checkpoint's answers show: confusions, the worst mistakes, curves, and two checkpoints compared."""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videomamba.data.annotations import Annotations, model_labels
from videomamba.data.datasets.csv import read_csv
from videomamba.engine.run_folder import CONFIG, METRICS, SPLITS, RunFolder, identity
from videomamba.errors import UserError
from videomamba.experiments.judged import Judged
from videomamba.models import TrainedModel

Curve = tuple[Mapping[str, float], ...]


@dataclass(frozen=True, eq=False)
class Report:
    """A checkpoint's answers to videos whose class is known.

    Attributes:
        name: of the checkpoint.
        class_names: in the model's order.
        judged: the videos.
        curve: rows of the run's ``metrics.csv``; empty where there is no run.
        settings: what decides the run's result, by name with dots; empty likewise.
    """

    name: str
    class_names: tuple[str, ...]
    judged: tuple[Judged, ...]
    curve: Curve = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def top1(self) -> float:
        return sum(video.is_right for video in self.judged) / max(1, len(self.judged))

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """(C, C) videos by true class and by what was said."""
        place = {name: i for i, name in enumerate(self.class_names)}
        counts = np.zeros((len(place), len(place)), np.int64)
        for video in self.judged:
            counts[place[video.truth], place[video.said]] += 1
        return counts

    def per_class(self) -> dict[str, float | None]:
        """The share that is right of each class; None without videos."""
        counts = self.confusion
        return {
            name: int(counts[i, i]) / int(counts[i].sum()) if counts[i].sum() else None
            for i, name in enumerate(self.class_names)
        }

    def confused_pairs(self) -> list[tuple[str, str, int, int]]:
        """Pairs of classes taken for each other, the most often first: a, b, a taken for b, b taken for a."""
        counts, names = self.confusion, self.class_names
        pairs = [
            (names[i], names[j], int(counts[i, j]), int(counts[j, i]))
            for i, j in itertools.combinations(range(len(names)), 2)
            if counts[i, j] + counts[j, i]
        ]
        return sorted(pairs, key=lambda pair: -(pair[2] + pair[3]))

    def worst(self, count: int) -> list[Judged]:
        """Wrong answers, those first in which the model was surest of what it said above what is true."""
        wrong = [video for video in self.judged if not video.is_right]
        return sorted(wrong, key=lambda video: video.of_truth - video.probability)[:count]


@dataclass(frozen=True)
class Comparison:
    """Two checkpoints' answers to the same videos.

    Attributes:
        rows: what is compared, the first's and the second's, in percent, and the difference.
        only_first, only_second: videos that only one of them has right.
        chance: of a difference as large between equals (sign test of these videos, both sides).
        settings: name, value of the first, value of the second, where they differ.
    """

    rows: tuple[tuple[str, float | None, float | None, float | None], ...]
    only_first: int
    only_second: int
    chance: float
    settings: tuple[tuple[str, str, str], ...]

    def sentence(self, first: str, second: str) -> str:
        """How the two differ, under these names."""
        percent = 100 * self.chance
        return (
            f"{self.only_first} videos only {first} has right, {self.only_second} only {second}; a split as uneven "
            f"comes by chance in {percent:{'.0f' if percent >= 10 else '.2g'}} of 100 cases"
        )


def compare(first: Report, second: Report) -> Comparison:
    """
    Raises:
        UserError: they have no video in common.
    """
    others = {video.path.resolve(): video for video in second.judged}
    pairs = [(video, others[video.path.resolve()]) for video in first.judged if video.path.resolve() in others]
    if not pairs:
        raise UserError(f"{first.name} and {second.name} were tested on different videos: there is nothing to compare")
    wins = Counter((a.is_right, b.is_right) for a, b in pairs)
    only_first, only_second = wins[True, False], wins[False, True]
    rows = [_compared(f"all {len(pairs)} videos", pairs)]
    for name in dict.fromkeys(a.truth for a, _ in pairs):
        rows.append(_compared(name, [pair for pair in pairs if pair[0].truth == name]))
    names = sorted({*first.settings, *second.settings})
    settings = tuple(
        (name, str(first.settings.get(name, "")), str(second.settings.get(name, "")))
        for name in names
        if first.settings and second.settings and first.settings.get(name) != second.settings.get(name)
    )
    return Comparison(tuple(rows), only_first, only_second, _sign_test(only_first, only_second), settings)


def _compared(name: str, pairs: Sequence[tuple[Judged, Judged]]) -> tuple[str, float, float, float]:
    a, b = (100 * sum(pair[i].is_right for pair in pairs) / len(pairs) for i in (0, 1))
    return name, a, b, b - a


def _sign_test(a: int, b: int) -> float:
    """Chance of so uneven a split of a + b fair coins, or a more uneven one."""
    tail = sum(math.comb(a + b, i) for i in range(min(a, b) + 1)) / 2 ** (a + b)
    return min(1.0, 2 * tail)


def run_of(checkpoint: str | Path) -> RunFolder | None:
    """The run that a run folder or one of its models belongs to."""
    for folder in (Path(checkpoint), Path(checkpoint).parent):
        if (folder / METRICS).is_file() and (folder / CONFIG).is_file():
            return RunFolder(folder)
    return None


def curve_of(run: RunFolder | None) -> Curve:
    """The numbers of ``metrics.csv``, one row per epoch."""
    return () if run is None else tuple(_numbers(row) for row in run.metrics())


def settings_of(run: RunFolder | None) -> dict[str, Any]:
    """What decides the run's result."""
    return {} if run is None else identity(run.config())


def _numbers(row: Mapping[str, str]) -> dict[str, float]:
    numbers = {}
    for name, text in row.items():
        try:
            numbers[name] = float(text)
        except ValueError:
            continue
    return numbers


def held_out(run: RunFolder, model: TrainedModel) -> Annotations:
    """The test videos of a run of recognition, in its model's classes.

    Raises:
        UserError: a run of another task, or videos that are gone.
    """
    config = run.config()
    named = Path(config["data"]["root"])
    # where it was when the run began, where we are now, and beside the run, which may have moved with its videos
    places = (Path(config.get("resolved", {}).get("data.root", named)), named, run.path.parent / named.name)
    root = next((place for place in places if place.is_dir()), named)
    return model_labels(read_csv(run.path / SPLITS, root=root)["test"], model.labels)
