"""Boxes of all keyframes of an evaluation, and their frame mAP."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from videomamba.tasks.metrics.ava import (
    CAPACITY,
    Frame,
    frame_average_precision,
    group_by_frame,
    mean_average_precision,
)

Row = tuple[Frame, tuple[float, float, float, float], int, float]


class BoxRows:
    """Detections and ground truth as rows; a keyframe that comes twice counts once.

    ``mAP`` and ``AP`` by class name in [0, 1] (None without ground truth), ``count`` of keyframes, and ``detections``:
    keyframe's index, box as fractions, class index and score of each.

    Args:
        class_names: of the scores, in order.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self.class_names = class_names
        self.keyframes: dict[int, tuple[list[Row], list[Row]]] = {}
        self.classes: list[int] = []

    def update(self, scores: Tensor, batch: Mapping[str, Any]) -> None:
        """Counts (B, K, C) scores with their ``whole_boxes``, ``valid``, ``true_boxes``, ``true_labels``, ``index``."""
        self.classes = batch["evaluated"][0].nonzero().flatten().tolist()
        b = {name: batch[name].tolist() for name in ("whole_boxes", "valid", "true_boxes", "true_labels", "index")}
        for i, number in enumerate(b["index"]):
            frame = ("", number)
            found = [
                (frame, tuple(box), label, of_box[label])
                for box, there, of_box in zip(b["whole_boxes"][i], b["valid"][i], scores[i].tolist(), strict=True)
                if there
                for label in self.classes
            ]
            truth = [
                (frame, tuple(box), label, 1.0)
                for box, label in zip(b["true_boxes"][i], b["true_labels"][i], strict=True)
                if label >= 0
            ]
            self.keyframes[number] = found, truth

    def report(self) -> dict[str, Any]:
        found = [row for rows, _ in self.keyframes.values() for row in rows]
        truth = [row for _, rows in self.keyframes.values() for row in rows]
        classes = frozenset(self.classes)
        ap = frame_average_precision(
            group_by_frame(truth, classes), group_by_frame(found, classes, capacity=CAPACITY), self.classes
        )
        mean = mean_average_precision(ap)
        return {
            "mAP": 0.0 if math.isnan(mean) else mean,
            "AP": {self.class_names[label]: None if math.isnan(value) else value for label, value in ap.items()},
            "count": len(self.keyframes),
            "detections": [(index, box, label, score) for (_, index), box, label, score in found],
        }
