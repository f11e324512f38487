"""Temporal action segmentation: an action for every frame of a long video (supplement, Table S6)."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videomamba.data.datasets.features import PADDING, FeatureDataset, collate_features
from videomamba.data.datasets.mstcn import FeatureAnnotations
from videomamba.data.transforms import Augmentation
from videomamba.errors import UserError
from videomamba.models.trained import TrainedModel
from videomamba.tasks.metrics.frames import FrameLabels
from videomamba.tasks.metrics.segmentation import segments
from videomamba.tasks.task import Batch, Change, Task

SMOOTHNESS, LARGEST = 0.15, 16.0


class Segmentation(Task):
    """Cross-entropy and smoothness of every stage; MoF, Edit and F1 in percent, at the rate of the labels.

    Batches carry ``video`` (B, C, T), the features; ``valid`` (B, T); ``label`` (B, T), -1 in padding; ``truth``
    (B, T'), the labels of all frames where the features have a ``stride`` (B,); ``index`` (B,). Outputs are logits
    (B, S, classes, T) of S stages, the last of which answers.

    Args:
        class_names: of the outputs, in order; segments of ``background`` are left out of Edit and F1.
        label_smoothing: probability mass spread over all classes in the cross-entropy.
    """

    headline = "MoF"
    in_percent = True

    def check_model(self, model: nn.Module) -> None:
        if not (isinstance(model, TrainedModel) and model.task == "segmentation"):
            raise UserError(
                f"segmentation needs a model of sequences, not {type(model).__name__}: asformer, asformer_ssm or mstcn2"
            )

    def train_dataset(
        self, part: FeatureAnnotations, preprocessing: Any, *, augmentation: Augmentation, seed: int
    ) -> FeatureDataset:
        """Whole sequences; channels are blanked by the model, and nothing else is changed."""
        return FeatureDataset(part.records, stride=preprocessing.stride)

    def test_dataset(
        self, part: FeatureAnnotations, preprocessing: Any, *, num_clips: int = 1, num_crops: int = 1
    ) -> FeatureDataset:
        """Whole sequences.

        Raises:
            UserError: several clips or crops are asked for.
        """
        if num_clips * num_crops != 1:
            raise UserError(f"clips={num_clips}, crops={num_crops}: a sequence of features is tested whole")
        return FeatureDataset(part.records, stride=preprocessing.stride)

    def collate(self, samples: list[Any]) -> Batch:
        return collate_features(samples)

    def outputs(self, model: nn.Module, batch: Batch) -> Tensor:
        valid: Tensor = batch["valid"]
        stages: Tensor = model(batch["video"], None if len(valid) == 1 and bool(valid.all()) else valid)
        return stages.transpose(0, 1)

    def test_outputs(self, model: nn.Module, batch: Batch, change: Change | None = None) -> Tensor:
        if change is not None:
            batch = {**batch, "video": change(batch["video"])}
        return self.outputs(model, batch).unsqueeze(1)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Of each stage, summed: cross-entropy, and 0.15 times the squared change of log-probabilities from one frame
        to the next, each at most 16 (MS-TCN, arXiv 1903.01945; no gradient to the earlier frame)."""
        label = batch["label"]
        both = ((label[:, 1:] != PADDING) & (label[:, :-1] != PADDING))[:, None]
        count = both.sum().clamp(min=1) * outputs.shape[2]
        loss = outputs.new_zeros((), dtype=torch.float32)
        for stage in outputs.float().unbind(1):
            loss = loss + F.cross_entropy(stage, label, ignore_index=PADDING, label_smoothing=self.label_smoothing)
            log_p = stage.log_softmax(1)
            change = (log_p[..., 1:] - log_p[..., :-1].detach()).square().clamp(max=LARGEST)
            loss = loss + SMOOTHNESS * (change * both).sum() / count
        return loss

    def correct(self, outputs: Tensor, batch: Batch) -> Tensor:
        """(B,) share of each video's frames."""
        label = batch["label"]
        right = outputs[:, -1].argmax(1) == label
        return right.sum(1) / (label != PADDING).sum(1)

    def scores(self, outputs: Tensor) -> Tensor:
        """The last stage's probabilities (B, classes, T), float32."""
        return outputs[:, :, -1].float().softmax(2).mean(1)

    def metrics(self) -> FrameLabels:
        return FrameLabels(self.class_names)

    def predictions(self, scores: Tensor, top_k: int) -> list[list[dict[str, Any]]]:
        """Segments in order: ``label``, ``index``, ``start`` and ``end`` (not included) in steps, and the mean
        ``probability``; ``top_k`` plays no part."""
        answers = []
        for one in scores.cpu():
            runs = segments(one.argmax(0).tolist())
            answers.append(
                [
                    {
                        "label": self.class_names[run.label],
                        "index": run.label,
                        "start": run.start,
                        "end": run.end,
                        "probability": one[run.label, run.start : run.end].mean().item(),
                    }
                    for run in runs
                ]
            )
        return answers
