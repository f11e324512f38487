"""Data sets for the tests of video data sets and their loaders: numbered frames, as they are or augmented."""

from videomamba.data import (
    Augmentation,
    VideoDataset,
)
from videomamba.preprocessing import Preprocessing

STILL = Augmentation(flip=False, scale=(1, 1), ratio=(4 / 3, 4 / 3))  # the whole picture, resized


def plain(num_frames, size, stride=None):
    """Pixels in [0, 1]."""
    return Preprocessing(num_frames, stride, (size, size) if isinstance(size, int) else size, (0, 0, 0), (1, 1, 1))


def training(records, seed=0):
    return VideoDataset(records, plain(4, 24), augmentation=Augmentation(), seed=seed, decoder="pyav")
