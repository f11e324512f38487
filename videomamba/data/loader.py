"""Batches of clips, the same for any number of workers."""

import torch
from torch.utils.data import DataLoader

from videomamba.data.datasets.video import Sample, VideoDataset


def make_loader(
    dataset: VideoDataset,
    *,
    batch_size: int,
    shuffle: bool,
    seed: int = 0,
    num_workers: int = 0,
    drop_last: bool = False,
) -> DataLoader[Sample]:
    """A loader whose order depends on ``seed`` and the epoch alone; workers live on from epoch to epoch.

    Raises:
        ValueError: batch size below one, or fewer workers than none.
    """
    if batch_size < 1 or num_workers < 0:
        raise ValueError(f"batch_size={batch_size} must be at least 1 and num_workers={num_workers} at least 0")
    return DataLoader(
        dataset,
        batch_size=batch_size,
        shuffle=shuffle,
        num_workers=num_workers,
        drop_last=drop_last,
        generator=torch.Generator().manual_seed(seed),
        worker_init_fn=_one_thread if num_workers else None,
        persistent_workers=num_workers > 0,
    )


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
