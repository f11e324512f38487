"""What a recogniser says of each video whose class is known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from videomamba.data.annotations import Annotations
from videomamba.inference.recognize import recognize
from videomamba.models import TrainedModel
from videomamba.tasks.metrics.classes import ClassCounts
from videomamba.tasks.recognition import Recognition


@dataclass(frozen=True)
class Judged:
    """One video, what it shows and what the model said.

    Attributes:
        path: of the video.
        truth, said: names of classes.
        probability: of what was said, from 0 to 1.
        of_truth: of the true class, from 0 to 1.
    """

    path: Path
    truth: str
    said: str
    probability: float
    of_truth: float

    @property
    def is_right(self) -> bool:
        return self.truth == self.said


class Judging(Recognition):
    """Recognition whose reports have one more entry, ``judged``: index of the video, index of the class that was said,
    its probability and that of the true class, for each video in the order of the indices."""

    def metrics(self) -> "JudgedCounts":
        return JudgedCounts(self.class_names)


class JudgedCounts(ClassCounts):
    """See :class:`Judging`."""

    def __init__(self, class_names: Sequence[str]) -> None:
        super().__init__(class_names)
        self.rows: list[tuple[int, int, float, float]] = []

    def update(self, scores: Tensor, batch: Mapping[str, Any]) -> None:
        super().update(scores, batch)
        best = scores.max(-1)
        of_truth = scores.gather(-1, batch["label"][:, None])[:, 0]
        columns = (batch["index"], best.indices, best.values, of_truth)
        self.rows += zip(*(column.tolist() for column in columns), strict=True)

    def report(self) -> dict[str, Any]:
        return {**super().report(), "judged": sorted(self.rows)}


def judged_of(report: Mapping[str, Any], part: Annotations) -> tuple[Judged, ...]:
    """The videos of a :class:`Judging` report on this part."""
    names = part.class_names
    return tuple(
        Judged(part.records[index].path, names[part.records[index].label], names[said], probability, of_truth)
        for index, said, probability, of_truth in report["judged"]
    )


def judged_videos(model: TrainedModel, part: Annotations, *, device: torch.device) -> Iterator[Judged | str]:
    """Each video of a part in order, as it is done; the one line of its error for one that cannot be read.

    As many clips of each as the model is tested with, and the central crop of each.

    Args:
        model: a recogniser; moved to the device and put in evaluation mode.
        part: with the model's class names.
        device: where to compute.
    """
    clips, _ = model.preprocessing.views
    paths = [record.path for record in part.records]
    results = recognize(model, paths, device=device, top_k=len(model.labels), num_clips=clips)
    for record, result in zip(part.records, results, strict=True):
        if result.error is not None:
            yield result.error
            continue
        truth, best = part.class_names[record.label], result.top_k[0]
        of_truth = next(score.probability for score in result.top_k if score.label == truth)
        yield Judged(record.path, truth, best.label, best.probability, of_truth)
