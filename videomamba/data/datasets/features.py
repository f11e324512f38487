"""Videos as features of their frames: each item is a whole sequence."""

from collections.abc import Sequence
from typing import TypedDict

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.data.datasets.epochs import EpochDataset
from videomamba.data.datasets.mstcn import FeatureRecord, load_features

PADDING = -1  # the label of padding


class FeatureSample(TypedDict):
    """``video`` (C, T) float32, every ``stride``-th frame's features; their ``label`` (T,) int64; ``truth``, the labels
    of all frames; the sample's ``index``."""

    video: Tensor
    label: Tensor
    truth: Tensor
    stride: int
    index: int


class FeatureDataset(EpochDataset[FeatureSample]):
    """Reads the features of one video per item; nothing is random but their order."""

    def __init__(self, records: Sequence[FeatureRecord], *, stride: int = 1) -> None:
        super().__init__()
        self.records = tuple(records)
        self.stride = stride

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> FeatureSample:
        record = self.records[index]
        truth = torch.from_numpy(record.labels)
        features = torch.from_numpy(load_features(record.path))[:, : len(truth) : self.stride].contiguous()
        label = truth[:: self.stride].contiguous()
        return {"video": features, "label": label, "truth": truth, "stride": self.stride, "index": index}


def collate_features(samples: Sequence[FeatureSample]) -> dict[str, Tensor]:
    """Sequences padded behind to the longest: ``valid`` (B, T) says which frames there are; labels there are -1."""
    length, whole = (max(len(sample[name]) for sample in samples) for name in ("label", "truth"))

    def padded(x: Tensor, to: int, value: float) -> Tensor:
        return F.pad(x, (0, to - x.shape[-1]), value=value)

    label = torch.stack([padded(sample["label"], length, PADDING) for sample in samples])
    return {
        "video": torch.stack([padded(sample["video"], length, 0.0) for sample in samples]),
        "valid": label != PADDING,
        "label": label,
        "truth": torch.stack([padded(sample["truth"], whole, PADDING) for sample in samples]),
        "stride": torch.tensor([sample["stride"] for sample in samples]),
        "index": torch.tensor([sample["index"] for sample in samples]),
    }
