"""Action recognition: one of a set of classes for a whole clip."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from videomamba.data.annotations import Annotations
from videomamba.data.datasets.video import VideoDataset
from videomamba.data.mirror import Mirrored, mirrored_classes
from videomamba.data.transforms import Augmentation
from videomamba.errors import UserError
from videomamba.models.trained import TrainedModel
from videomamba.notes import UserNote
from videomamba.preprocessing import Preprocessing
from videomamba.tasks.metrics.classes import ClassCounts
from videomamba.tasks.task import Batch, Task


class Recognition(Task):
    """Cross-entropy over classes; top-1, top-5 and accuracy per class.

    Batches carry ``label``, (B,) int64. Outputs are logits (B, C); views of one video are joined by the mean of
    their softmax.

    Args:
        class_names: of the C outputs, in order.
        label_smoothing: probability mass spread over all classes in the training loss (arXiv 1512.00567).
    """

    headline = "top1"
    mixed_label = "label"

    def check_model(self, model: nn.Module) -> None:
        task = model.task if isinstance(model, TrainedModel) else "recognition"
        if task == "detection":
            raise UserError("this checkpoint is a detector of actions in boxes: use `videomamba detect`, or train ava")
        if task == "segmentation":
            raise UserError("this checkpoint names actions in features of frames: use `videomamba segment`")

    def train_dataset(
        self, part: Annotations, preprocessing: Preprocessing, *, augmentation: Augmentation, seed: int
    ) -> VideoDataset:
        """Randomly placed, augmented clips; where they are flipped, classes with a side in their name change places.

        A :class:`videomamba.notes.UserNote` names these, and those that stay as they are because their mirror image is
        none of the classes.
        """
        # by name: a data set may number its classes in its own way, or have none of these
        sides = mirrored_classes(part.class_names, augmentation.flip_pairs)
        if augmentation.flip:
            _note_sides(sides, part.class_names)
        return VideoDataset(
            part.records,
            preprocessing,
            augmentation=augmentation,
            flip_pairs=sides.pairs,
            never_flipped=sides.alone,
            seed=seed,
        )

    def test_dataset(
        self, part: Annotations, preprocessing: Preprocessing, *, num_clips: int = 1, num_crops: int = 1
    ) -> VideoDataset:
        """Central clips, or ``num_clips`` evenly spread ones with ``num_crops`` each; the same for all that test."""
        return VideoDataset(part.records, preprocessing, num_clips=num_clips, num_crops=num_crops)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        return F.cross_entropy(outputs.float(), batch["label"], label_smoothing=self.label_smoothing)

    def correct(self, outputs: Tensor, batch: Batch) -> Tensor:
        return (outputs.argmax(-1) == batch["label"]).float()

    def scores(self, outputs: Tensor) -> Tensor:
        """Class probabilities (B, C), float32."""
        return outputs.float().softmax(-1).mean(1)

    def metrics(self) -> ClassCounts:
        return ClassCounts(self.class_names)

    def predictions(self, scores: Tensor, top_k: int) -> list[list[dict[str, Any]]]:
        """Rows of ``label``, ``index`` and ``probability``.

        Raises:
            UserError: ``top_k`` below one.
        """
        return [
            [
                {"label": self.class_names[index], "index": index, "probability": probability}
                for index, probability in zip(indices, probabilities, strict=True)
            ]
            for indices, probabilities in zip(*self.best(scores, top_k), strict=True)
        ]


def _note_sides(sides: Mirrored, names: Sequence[str]) -> None:
    """Says what is done with classes that a mirror image changes."""
    pairs = [f"{names[a]} and {names[b]}" for a, b in sides.pairs]
    alone = [names[label] for label in sorted(sides.alone)]
    if pairs:
        more = f" ({len(pairs)} such pairs)" if len(pairs) > 1 else ""
        warnings.warn(UserNote(f"clips are flipped at random; {pairs[0]} then change places{more}"), stacklevel=3)
    if alone:
        warnings.warn(
            UserNote(f"clips of {', '.join(alone[:5])} are not flipped: no class is called as their mirror image"),
            stacklevel=3,
        )
