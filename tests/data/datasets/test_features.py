"""Features as samples: strides, padding, and what is not finite."""

import numpy as np
import pytest
import torch

from videomamba.data.datasets.features import FeatureDataset, collate_features
from videomamba.data.datasets.mstcn import read_mstcn


def test_a_stride_takes_every_nth_frame_and_keeps_the_truth(root):
    record = read_mstcn(root)["test"].records[0]
    whole, strided = FeatureDataset([record])[0], FeatureDataset([record], stride=3)[0]
    assert torch.equal(strided["video"], whole["video"][:, ::3])
    assert torch.equal(strided["label"], whole["label"][::3])
    assert torch.equal(strided["truth"], whole["label"])


def test_padded_batches(root):
    dataset = FeatureDataset(read_mstcn(root)["train"].records, stride=2)
    samples = [dataset[i] for i in range(3)]
    batch = collate_features(samples)
    for i, sample in enumerate(samples):
        length = len(sample["label"])
        assert batch["valid"][i].sum() == length
        assert batch["valid"][i, :length].all()
        assert torch.equal(batch["video"][i, :, :length], sample["video"])
        assert (batch["label"][i, length:] == -1).all()
        assert batch["video"][i, :, length:].abs().sum() == 0
        assert torch.equal(batch["truth"][i][batch["truth"][i] >= 0], sample["truth"])


def test_features_that_are_not_finite(root):
    file = root / "features" / "v3.npy"
    array = np.load(file)
    array[2, 5] = np.nan
    np.save(file, array)
    with pytest.raises(ValueError, match=r"v3\.npy holds features that are NaN"):
        _ = FeatureDataset(read_mstcn(root)["test"].records)[0]
