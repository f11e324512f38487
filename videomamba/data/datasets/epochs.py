"""Randomness in data sets: what is random about an item depends on (seed, epoch, index) alone."""

import contextlib
from collections.abc import Iterator
from typing import TypeVar

import torch
from torch.utils.data import Dataset

Item = TypeVar("Item", covariant=True)


class EpochDataset(Dataset[Item]):
    """A data set that is told the epoch; worker processes that stay alive see it change."""

    def __init__(self) -> None:
        self._epoch = torch.zeros((), dtype=torch.int64)
        with contextlib.suppress(RuntimeError):  # a single process needs no shared memory
            self.share_epoch()

    def share_epoch(self) -> None:
        """Let processes that are started from now on see :meth:`set_epoch`.

        Raises:
            RuntimeError: shared memory is full.
        """
        self._epoch.share_memory_()

    @property
    def epoch(self) -> int:
        """The one that :meth:`set_epoch` named last."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Draw anew, also in workers that are running."""
        self._epoch.fill_(epoch)


def mixed_seed(seed: int, epoch: int, index: int = -1) -> int:
    """One seed of three; neighbours give unrelated streams because the generator mixes them further."""
    return (seed * 1_000_003 + epoch) * 10_000_019 + index + 1


@contextlib.contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Transforms of torchvision, which draw from the global state, draw from this generator; the state is put back."""
    before = torch.default_generator.get_state()
    try:
        # not torch.manual_seed, which seeds all devices, a tenth of a millisecond
        torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        yield
    finally:
        torch.default_generator.set_state(before)
