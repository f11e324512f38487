"""Top-1, top-5 and accuracy per class of an evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


class ClassCounts:
    """``top1`` and ``top5`` in [0, 1], ``count``, and ``per_class``: the share that is right, None without videos.

    Args:
        class_names: of the scores, in order.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self.class_names = class_names
        self.videos, self.right = torch.zeros(2, len(class_names), dtype=torch.int64)
        self.among_five = 0

    def update(self, scores: Tensor, batch: Mapping[str, Any]) -> None:
        """Counts (B, C) scores with their ``label`` (B,)."""
        label, classes = batch["label"], len(self.class_names)
        best = scores.topk(min(5, classes)).indices
        self.among_five += int((best == label[:, None]).any(-1).sum())
        self.videos += torch.bincount(label.cpu(), minlength=classes)
        self.right += torch.bincount(label[scores.argmax(-1) == label].cpu(), minlength=classes)

    def report(self) -> dict[str, Any]:
        count = int(self.videos.sum())
        return {
            "top1": int(self.right.sum()) / count,
            "top5": self.among_five / count,
            "count": count,
            "per_class": {
                name: right / videos if videos else None
                for name, right, videos in zip(self.class_names, self.right.tolist(), self.videos.tolist(), strict=True)
            },
        }
