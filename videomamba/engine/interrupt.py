"""Ctrl-C as a request that is honoured between two steps."""

import signal
import threading
from contextlib import ExitStack
from types import FrameType, TracebackType
from typing import Any, Self

from videomamba.data.loader import signals_handled_here


class InterruptFlag:
    """While active, the first SIGINT or SIGTERM sets :attr:`requested`; a second one stops at once, as usual.

    Only a process's main thread may handle signals; in others this does nothing. Loader processes pass over the first
    one meanwhile, so that the current step can end.
    """

    requested = False

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._workers = ExitStack()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._workers.enter_context(signals_handled_here())
            self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        self._workers.close()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
