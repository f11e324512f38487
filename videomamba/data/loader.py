"""Batches of clips, the same for any number of workers."""

import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from videomamba.data.datasets.epochs import mixed_seed
from videomamba.memory import keep_freed_memory


def make_loader(
    dataset: Any,
    *,
    batch_size: int,
    shuffle: bool,
    seed: int = 0,
    num_workers: int = 0,
    drop_last: bool = False,
    collate: Callable[[list[Any]], Any] | None = None,
) -> DataLoader:
    """A loader whose shuffled order depends on ``seed`` and ``dataset.epoch`` alone; workers live on between epochs.

    Args:
        dataset: with ``epoch``, as :class:`VideoDataset` has it.
        batch_size: samples at a time.
        shuffle: an order of its own for each epoch; else the data set's.
        seed: of that order.
        num_workers: processes that read; 0 reads in this one.
        drop_last: leave out a last batch that is short.
        collate: from samples to a batch; PyTorch's by default.

    Raises:
        ValueError: batch size below one, or fewer workers than none.
    """
    if batch_size < 1 or num_workers < 0:
        raise ValueError(f"batch_size={batch_size} must be at least 1 and num_workers={num_workers} at least 0")
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=EpochOrder(dataset, seed) if shuffle else None,
        num_workers=num_workers,
        drop_last=drop_last,
        collate_fn=collate,
        generator=torch.Generator().manual_seed(seed),  # else a loader draws from the global state
        worker_init_fn=_prepare_worker if num_workers else None,
        persistent_workers=num_workers > 0,
    )


class EpochOrder(Sampler[int]):
    """All items of a data set in an order of their own for each of its epochs.

    PyTorch's RandomSampler goes on drawing where it stopped, and a loader whose workers live on draws less in between
    than one without: its second epoch would depend on the number of workers.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset = dataset
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, self.dataset.epoch))
        yield from torch.randperm(len(self.dataset), generator=generator).tolist()

    def __len__(self) -> int:
        return len(self.dataset)


def _prepare_worker(_: int) -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _pass_over_once)


def _pass_over_once(number: int, frame: FrameType | None) -> None:
    """A terminal or a scheduler signals a whole group: a worker goes on, so that its parent can end the step; a second
    signal ends it, as ever."""
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
