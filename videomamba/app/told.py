"""Work that says how far it is, as steps that can be left early."""

import contextvars
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor


class _Left(Exception):
    """Nobody waits for the work any more."""


def told(work: Callable[[Callable[[str], None]], object]) -> Iterator[str]:
    """What the work says, in a thread of its own; leaving the iteration ends the work where it speaks next.

    Args:
        work: takes the function to say something with; what it raises is raised here.
    """
    words: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    left = threading.Event()

    def tell(word: str) -> None:
        if left.is_set():
            raise _Left
        words.put(word)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(contextvars.copy_context().run, work, tell)  # with the session, to which notes are shown
        done.add_done_callback(lambda _: words.put(None))
        try:
            while (word := words.get()) is not None:
                yield word
            done.result()
        finally:
            left.set()
