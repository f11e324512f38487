"""Boxes of all keyframes of an evaluation, gathered batch by batch."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torchmetrics import Metric

from videomamba.tasks.metrics.ava import Frame

Row = tuple[Frame, tuple[float, float, float, float], int, float]


class FrameBoxesMetric(Metric):
    """Detections and ground truth as rows; a keyframe that comes twice counts once.

    What it is given is already that of all processes (see :func:`videomamba.engine.evaluate`), so it joins nothing.
    """

    full_state_update = False

    def __init__(self) -> None:
        super().__init__(sync_on_compute=False)
        self.keyframes: dict[int, tuple[list[Row], list[Row]]] = {}
        self.classes: frozenset[int] = frozenset()

    def update(self, scores: Tensor, batch: Mapping[str, Any]) -> None:
        """Counts (B, K, C) scores with their ``whole_boxes``, ``valid``, ``true_boxes``, ``true_labels``, ``index``."""
        evaluated = batch["evaluated"][0].nonzero().flatten().tolist()
        self.classes = frozenset(evaluated)
        b = {name: batch[name].tolist() for name in ("whole_boxes", "valid", "true_boxes", "true_labels", "index")}
        for i, number in enumerate(b["index"]):
            frame = ("", number)
            found = [
                (frame, tuple(box), label, of_box[label])
                for box, there, of_box in zip(b["whole_boxes"][i], b["valid"][i], scores[i].tolist(), strict=True)
                if there
                for label in evaluated
            ]
            truth = [
                (frame, tuple(box), label, 1.0)
                for box, label in zip(b["true_boxes"][i], b["true_labels"][i], strict=True)
                if label >= 0
            ]
            self.keyframes[number] = found, truth

    def compute(self) -> tuple[list[Row], list[Row], frozenset[int], int]:
        """Rows of detections and of ground truth, the classes that count, the number of keyframes."""
        found = [row for rows, _ in self.keyframes.values() for row in rows]
        truth = [row for _, rows in self.keyframes.values() for row in rows]
        return found, truth, self.classes, len(self.keyframes)
