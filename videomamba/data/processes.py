"""Processes that work for this one and never outlive it."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from types import FrameType

import torch


@contextlib.contextmanager
def process_pool(workers: int, context: BaseContext) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes end with the context, and with this process however it ends, whatever they are doing.

    Ctrl-C is left to this process. Work that is not done when the context is left is given up.

    Args:
        workers: processes.
        context: of multiprocessing, how they are started.
    """
    told, tell = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(told,))
    try:
        yield pool
    finally:
        with contextlib.suppress(OSError):
            tell.send_bytes(b"end")  # nobody reads it, so all see it
        pool.shutdown(cancel_futures=True)
        tell.close()
        told.close()


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """While active, SIGTERM ends this process as ``sys.exit`` does: unfinished files are removed.

    Outside the main thread, and where somebody else handles the signal, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _begin(told: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that reports
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not the parent's handler, which a fork brings along
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, args=(told,), daemon=True).start()


def _end_with_parent(told: Connection) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel, told])
    os._exit(1)
