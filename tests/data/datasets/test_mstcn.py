"""GTEA's, 50Salads' and Breakfast's layout: what is read, what is cut off, what is refused."""

import numpy as np
import pytest

from tests.mstcn_folder import CHANNELS, NAMES
from videomamba.data.datasets import FOLDS, LAYOUTS
from videomamba.data.datasets.features import FeatureDataset
from videomamba.data.datasets.mstcn import read_mstcn


def test_a_split_is_read(root):
    parts = LAYOUTS["gtea"](root, fold=2)
    assert {name: len(part) for name, part in parts.items()} == {"train": 3, "test": 1}
    assert parts["train"].class_names == NAMES
    assert parts["train"].model_options == {"input_dim": CHANNELS}
    assert parts["test"].rows(root) == [{"name": "v3", "path": "features/v3.npy"}]
    sample = FeatureDataset(parts["test"].records)[0]
    features = np.load(root / "features" / "v3.npy")
    words = (root / "groundTruth" / "v3.txt").read_text().split()
    assert np.array_equal(sample["video"].numpy(), features)
    assert [NAMES[i] for i in sample["label"].tolist()] == words


def test_the_data_sets_have_their_splits():
    assert [FOLDS[name] for name in ("gtea", "50salads", "breakfast_segmentation")] == [4, 5, 4]


def test_a_splits_own_features_come_first(root):
    own = root / "features_split2"
    own.mkdir()
    for file in (root / "features").iterdir():
        np.save(own / file.name, np.load(file) + 1)
    assert read_mstcn(root, fold=2)["train"].records[0].path.parent == own
    assert read_mstcn(root, fold=1)["train"].records[0].path.parent.name == "features"
    assert read_mstcn(root, fold=2, features="features")["train"].records[0].path.parent.name == "features"


@pytest.mark.parametrize("change", [-3, 4])
def test_a_few_frames_too_many_are_cut_off_and_said(root, change):
    file = root / "features" / "v3.npy"
    features = np.load(file)
    length = features.shape[1]
    changed = features[:, :change] if change < 0 else np.pad(features, ((0, 0), (0, change)))
    np.save(file, changed)
    part = read_mstcn(root)["test"]
    assert len(part.notes) == 1
    assert f"{length + change} frames" in part.notes[0]
    sample = FeatureDataset(part.records)[0]
    shorter = min(length, length + change)
    assert sample["video"].shape[1] == len(sample["label"]) == len(sample["truth"]) == shorter
    assert np.array_equal(sample["video"].numpy(), features[:, :shorter])


def spoil_features(array):
    return lambda root: np.save(root / "features" / "v0.npy", array)


def rewrite(name, text):
    return lambda root: (root / name).write_text(text)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (rewrite("mapping.txt", "pour\nstir\n"), "'0 NAME'"),
        (rewrite("groundTruth/v0.txt", "pour\njump\n"), "'jump' is not in mapping.txt"),
        (rewrite("groundTruth/v0.txt", "pour\n" * 200), "200: too many"),
        (rewrite("groundTruth/v0.txt", ""), "too many"),
        (rewrite("splits/train.split1.bundle", "v9.txt\n"), "v9.txt is missing"),
        (rewrite("splits/train.split1.bundle", "\n"), "names no video"),
        (rewrite("features/v0.npy", "no array"), "not a readable .npy"),
        (spoil_features(np.zeros((50, 3, 2), np.float32)), "shape (C, T)"),
        (spoil_features(np.zeros((6, 50), np.int64)), "floats"),
        (spoil_features(np.zeros((7, 50), np.float32)), "must be alike"),
        (spoil_features(np.zeros((50, 600), np.float32)), "is it (T, C)?"),
        (spoil_features(np.array([{}], dtype=object)), "not a readable .npy"),
        (lambda root: (root / "features").rename(root / "else"), "no folder of features"),
        (lambda root: (root / "splits" / "test.split1.bundle").unlink(), "there are test.split2"),
    ],
)
def test_what_is_refused_is_named(root, spoil, message):
    spoil(root)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        read_mstcn(root)
    assert message in str(caught.value)


def test_a_folder_above_is_pointed_out(root):
    with pytest.raises(ValueError, match=f"did you mean {root}"):
        read_mstcn(root.parent)


@pytest.mark.shared
def test_gtea(shared_data):
    for fold in range(1, 5):
        parts = read_mstcn(shared_data / "gtea", fold=fold)
        assert {name: len(part) for name, part in parts.items()} == {"train": 21, "test": 7}
        assert parts["train"].channels == 128
        assert parts["train"].records[0].path.parent.name == f"features_split{fold}"
        assert not parts["train"].notes
