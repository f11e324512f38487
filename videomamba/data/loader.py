"""Batches of clips, the same for any number of workers, from processes that end when their parent does."""

import contextlib
import errno
import functools
import multiprocessing
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from ctypes import c_bool
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler, default_collate, get_worker_info
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from videomamba.data.datasets.epochs import EpochDataset, mixed_seed
from videomamba.errors import UserError
from videomamba.memory import keep_freed_memory

_SHARED_MEMORY = Path("/dev/shm")


class LoaderError(UserError):
    """Loader processes ran out of memory or were killed; the message says what to do."""


def make_loader(
    dataset: Any,
    *,
    batch_size: int,
    shuffle: bool,
    seed: int = 0,
    num_workers: int = 0,
    collate: Callable[[list[Any]], Any] | None = None,
) -> DataLoader:
    """A loader whose shuffled order depends on ``seed`` and ``dataset.epoch`` alone; workers stay alive between epochs.

    Args:
        dataset: with ``epoch``, as :class:`VideoDataset` has it.
        batch_size: samples at a time.
        shuffle: an order of its own for each epoch; else the data set's.
        seed: of that order.
        num_workers: processes that read; 0 reads in this one.
        collate: from samples to a batch; PyTorch's by default.

    Raises:
        UserError: a batch size below 1, or a negative number of workers.
        LoaderError: workers need shared memory, and it is full.
    """
    if batch_size < 1 or num_workers < 0:
        raise UserError(f"batch_size={batch_size} must be at least 1 and num_workers={num_workers} at least 0")
    if num_workers and isinstance(dataset, EpochDataset):
        with loader_failures():
            dataset.share_epoch()
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=EpochOrder(dataset, seed) if shuffle else None,
        num_workers=num_workers,
        collate_fn=SharedBatch(collate or default_collate) if num_workers else collate,
        generator=torch.Generator().manual_seed(seed),  # else a loader draws from the global state
        worker_init_fn=functools.partial(_prepare_worker, _handled_by_parent()) if num_workers else None,
        persistent_workers=num_workers > 0,
    )


def end_workers(loader: DataLoader) -> None:
    """Ends a loader's processes now; another epoch starts new ones.

    Without it they live as long as anything refers to the loader, such as the traceback of what ended an epoch early,
    and hold every pipe open that was there when they were forked.
    """
    own = getattr(loader, "base_dataloader", loader)  # accelerate's wrap another one
    if isinstance(own._iterator, _MultiProcessingDataLoaderIter):  # PyTorch has no public name for these
        own._iterator._shutdown_workers()
        own._iterator = None


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


class SharedBatch:
    """Collates and moves the batch's tensors to shared memory where an error still reaches the parent.

    A queue does it later, in a thread: where shared memory is full, that thread drops the batch and the parent waits
    for ever.
    """

    def __init__(self, collate: Callable[[list[Any]], Any]) -> None:
        self.collate = collate

    def __call__(self, samples: list[Any]) -> Any:
        batch = self.collate(samples)
        if isinstance(batch, dict) and get_worker_info() is not None:
            for value in batch.values():
                if isinstance(value, Tensor):
                    value.share_memory_()
        return batch


@contextlib.contextmanager
def signals_handled_here() -> Iterator[None]:
    """While active, loader processes pass over the first SIGTERM: this process has a handler that ends them in time.

    A scheduler signals all processes of a job. Outside this context a SIGTERM ends a loader process, as Python's exit,
    which sends one and waits, relies on.
    """
    handled = _handled_by_parent()
    before, handled.value = handled.value, True
    try:
        yield
    finally:
        handled.value = before


@contextlib.contextmanager
def loader_failures() -> Iterator[None]:
    """Turns what PyTorch and the system say of failing loader processes into a :class:`LoaderError` of one line."""
    before = sys.unraisablehook

    def quiet(unraisable: Any) -> None:
        """PyTorch may raise inside a destructor, where nobody can catch it; the next batch raises it again."""
        if not isinstance(unraisable.exc_value, Exception) or _failure(unraisable.exc_value) is None:
            before(unraisable)

    sys.unraisablehook = quiet
    try:
        yield
    except (RuntimeError, OSError, EOFError, MemoryError) as error:
        reason = _failure(error)
        if reason is None:
            raise
        raise LoaderError(reason) from error
    finally:
        sys.unraisablehook = before


def _failure(error: Exception) -> str | None:
    """What to tell people, or None where the error does not come from the loader's processes.

    PyTorch raises nothing but RuntimeError here, at any line of the parent (from a handler of SIGCHLD); where a process
    dies while it hands over a batch, multiprocessing finds its connection closed.
    """
    text = str(error)
    less = "use fewer loader processes (--workers 0 reads in the main process); a run goes on with --resume"
    if any(words in text for words in ("shared memory(shm)", "shared memory object", "out of shared memory")):
        free = f", {shutil.disk_usage(_SHARED_MEMORY).free >> 20} MiB free" if _SHARED_MEMORY.is_dir() else ""
        return f"shared memory ({_SHARED_MEMORY}{free}) is full: give more (docker run --shm-size 8g) or {less}"
    of_multiprocessing = isinstance(error, EOFError | ConnectionError | FileNotFoundError) and _is_of_multiprocessing(
        error
    )
    if "DataLoader worker (pid" in text or of_multiprocessing:
        how = f"was {text.split('is ', 1)[1].split('.')[0]}" if "is killed" in text else "ended unexpectedly"
        return f"a loader process {how}, most often because memory ran out: free some or {less}"
    if isinstance(error, MemoryError) or _errno(error) == errno.ENOMEM or "DefaultCPUAllocator" in text:
        return f"memory ran out: free some, use smaller batches (--batch-size), or {less}"
    if _errno(error) == errno.EMFILE:
        return f"too many open files (see `ulimit -n`): raise the limit or {less}"
    return None


def _is_of_multiprocessing(error: Exception) -> bool:
    """Whether Python's module of this name raised it."""
    names = [frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(names) and names[-1].startswith("multiprocessing.")


def _errno(error: Exception) -> int | None:
    return error.errno if isinstance(error, OSError) else None


@functools.cache
def _handled_by_parent() -> Any:
    """One byte that this process and its loader processes see."""
    return multiprocessing.RawValue(c_bool, False)


def _prepare_worker(handled_by_parent: Any, _: int) -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    sys.excepthook = _unless_parent_hung_up

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if not handled_by_parent.value:
            os._exit(0)  # any other status would be an error in the parent, as PyTorch watches its workers

    signal.signal(signal.SIGTERM, on_sigterm)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent ends its workers


def _unless_parent_hung_up(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """For the thread that hands over shared memory: a parent that stops for another failure says that one itself."""
    if not issubclass(kind, (ConnectionError, EOFError)):
        sys.__excepthook__(kind, error, trace)
