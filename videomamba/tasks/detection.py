"""Action detection: which actions each box of a keyframe shows (AVA; supplement, S8)."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videomamba.data.box_transforms import train_box_transform, whole_picture_transform
from videomamba.data.datasets.ava import BoxAnnotations
from videomamba.data.datasets.keyframe_clips import KeyframeDataset
from videomamba.data.transforms import Augmentation
from videomamba.errors import UserError
from videomamba.models.trained import TrainedModel
from videomamba.preprocessing import Preprocessing
from videomamba.tasks.metrics.boxes import BoxRows
from videomamba.tasks.task import Batch, Change, Task


class Detection(Task):
    """Binary cross-entropy of every class for every box; frame mAP at IoU 0.5 as AVA's evaluator computes it.

    Batches have room for as many boxes (K) and annotated pairs of box and action (G) as any keyframe of the data set
    has, so that processes can be joined: ``boxes`` (B, K, 4) in pixels, ``valid`` (B, K) which there are, ``actions``
    (B, K, C), ``size`` (B, 2) of each video before padding, ``whole_boxes`` (B, K, 4) as fractions of the picture,
    ``true_boxes`` (B, G, 4), ``true_labels`` (B, G) with -1 for none, ``evaluated`` (B, C) the classes that count,
    ``index`` (B,) of the keyframe. Outputs are logits (B, K, C).

    Args:
        class_names: of the C outputs, in order.
        label_smoothing: each target moves towards one half by this share.
    """

    headline = "mAP"
    fewest_classes = 1

    def check_model(self, model: nn.Module) -> None:
        if not (isinstance(model, TrainedModel) and model.task == "detection"):
            raise UserError(
                f"detection needs a detector, not {type(model).__name__}: name a model such as "
                "videomamba_small_detector, to which a recognition checkpoint can be fitted"
            )

    def train_dataset(
        self, part: BoxAnnotations, preprocessing: Preprocessing, *, augmentation: Augmentation, seed: int
    ) -> KeyframeDataset:
        """Random crops of windows around the keyframes."""
        p = preprocessing
        return KeyframeDataset(
            part,
            num_frames=p.num_frames,
            stride=window_stride(p),
            transform=train_box_transform(p.size, p.mean, p.std, augmentation),
            train=True,
            short_side=2 * min(p.size),
            seed=seed,
        )

    def test_dataset(
        self, part: BoxAnnotations, preprocessing: Preprocessing, *, num_clips: int = 1, num_crops: int = 1
    ) -> KeyframeDataset:
        """The whole picture around each keyframe, its short side that of the training crops.

        Raises:
            UserError: several clips or crops are asked for.
        """
        if num_clips * num_crops != 1:
            raise UserError(f"clips={num_clips}, crops={num_crops}: a keyframe is tested in one view, whole")
        p = preprocessing
        return KeyframeDataset(
            part,
            num_frames=p.num_frames,
            stride=window_stride(p),
            transform=whole_picture_transform(min(p.size), p.mean, p.std),
            short_side=2 * min(p.size),
        )

    def collate(self, samples: list[Any]) -> Batch:
        """Samples of :class:`KeyframeDataset` with room for all, videos padded to the largest."""
        boxes, pairs = samples[0]["room"]
        evaluated = samples[0]["evaluated"]
        size = torch.tensor([sample["video"].shape[-2:] for sample in samples])
        height, width = size.max(0).values.tolist()
        videos = [
            F.pad(s["video"], (0, width - s["video"].shape[-1], 0, height - s["video"].shape[-2])) for s in samples
        ]
        counts = torch.tensor([len(sample["boxes"]) for sample in samples])
        return {
            "video": torch.stack(videos),
            "size": size,
            "boxes": _stacked(samples, "boxes", boxes).float(),
            "whole_boxes": _stacked(samples, "whole_boxes", boxes),
            "valid": torch.arange(boxes) < counts[:, None],
            "actions": _stacked(samples, "actions", boxes),
            "true_boxes": _stacked(samples, "true_boxes", pairs),
            "true_labels": _stacked(samples, "true_labels", pairs, fill=-1),
            "evaluated": evaluated.expand(len(samples), -1),
            "index": torch.tensor([sample["index"] for sample in samples]),
        }

    def outputs(self, model: nn.Module, batch: Batch) -> Tensor:
        logits: Tensor = model(batch["video"], batch["boxes"], batch["valid"], batch["size"])
        return logits

    def test_outputs(self, model: nn.Module, batch: Batch, change: Change | None = None) -> Tensor:
        video = batch["video"] if change is None else change(batch["video"])
        return self.outputs(model, {**batch, "video": video}).unsqueeze(1)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The mean over classes and over the batch's boxes; 0 without boxes."""
        targets = batch["actions"] * (1 - self.label_smoothing) + self.label_smoothing / 2
        losses = F.binary_cross_entropy_with_logits(outputs.float(), targets, reduction="none").mean(-1)
        valid = batch["valid"]
        return (losses * valid).sum() / valid.sum().clamp(min=1)

    def correct(self, outputs: Tensor, batch: Batch) -> Tensor:
        """(B,) label-ranking average precision, the mean over a keyframe's boxes: 1 where all actions that a box shows
        are ranked before all others."""
        shown = batch["actions"] > 0
        not_below = outputs[..., None, :] >= outputs[..., :, None]  # (B, K, C, C): whether the latter ranks as high
        precision = (not_below & shown[..., None, :]).sum(-1) / not_below.sum(-1)
        actions = shown.sum(-1)
        ranked = torch.where(actions > 0, (precision * shown).sum(-1) / actions.clamp(min=1), 1.0)
        valid = batch["valid"]
        boxes = valid.sum(-1)
        return torch.where(boxes > 0, (ranked * valid).sum(-1) / boxes.clamp(min=1), 1.0)

    def scores(self, outputs: Tensor) -> Tensor:
        """Probabilities (B, K, C), float32, each class for itself."""
        return outputs.float().sigmoid().mean(1)

    def metrics(self) -> BoxRows:
        return BoxRows(self.class_names)

    def predictions(self, scores: Tensor, top_k: int) -> list[list[dict[str, Any]]]:
        """Rows of ``box`` (its place among the keyframe's), ``label``, ``index`` and ``score``, box by box.

        Raises:
            UserError: ``top_k`` below one.
        """
        return [
            [
                {"box": box, "label": self.class_names[index], "index": index, "score": score}
                for box, (indices, values) in enumerate(zip(sample_indices, sample_values, strict=True))
                for index, score in zip(indices, values, strict=True)
            ]
            for sample_indices, sample_values in zip(*self.best(scores, top_k), strict=True)
        ]


def window_stride(preprocessing: Preprocessing) -> int:
    """Source frames from one frame of a window to the next; a model of whole videos has none, and takes 4."""
    return preprocessing.stride or 4


def _stacked(samples: list[Any], name: str, room: int, *, fill: int = 0) -> Tensor:
    """(B, room, ...) of the samples' (N, ...), filled up."""
    first: Tensor = samples[0][name]
    stacked = first.new_full((len(samples), room, *first.shape[1:]), fill)
    for row, sample in zip(stacked, samples, strict=True):
        row[: len(sample[name])] = sample[name]
    return stacked
