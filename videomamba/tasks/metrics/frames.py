"""Labels of all frames of an evaluation, and the figures of segmentation."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from videomamba.tasks.metrics.segmentation import segmentation_scores

IGNORED = ("background",)  # as in the evaluator that every paper uses, for all three data sets


class FrameLabels:
    """True and predicted labels of each video; one that comes twice counts once.

    ``MoF``, ``Edit``, ``F1@10``, ``F1@25``, ``F1@50`` in percent, ``count`` of videos, and ``predictions``: index of a
    video -> labels of its frames.

    Args:
        class_names: of the scores, in order; segments of ``background`` are left out of Edit and F1.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self.ignored = [i for i, name in enumerate(class_names) if name in IGNORED]
        self.videos: dict[int, tuple[list[int], list[int]]] = {}

    def update(self, scores: Tensor, batch: Mapping[str, Any]) -> None:
        """Counts (B, C, T) scores, each repeated ``stride`` times, with ``truth`` (B, T'), -1 for padding."""
        rows = zip(scores.argmax(1), batch["truth"], batch["stride"].tolist(), batch["index"].tolist(), strict=True)
        for found, truth, stride, index in rows:
            true = truth[truth >= 0].tolist()
            repeated = found.repeat_interleave(stride).tolist()[: len(true)]
            assert len(repeated) == len(true)
            self.videos[index] = true, repeated

    def report(self) -> dict[str, Any]:
        return {
            **segmentation_scores(self.videos.values(), ignore=self.ignored),
            "count": len(self.videos),
            "predictions": {index: predicted for index, (_, predicted) in self.videos.items()},
        }
