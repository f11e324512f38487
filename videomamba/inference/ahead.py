"""Work that threads do ahead of its consumer, in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(function: Callable[[T], R], items: Iterable[T], *, count: int) -> Iterator[R]:
    """``map(function, items)`` with ``count`` results made or in the making while the caller works.

    At most as many threads as cores, and 8, do the work; what has not begun when the caller stops is given up.
    """
    source = iter(items)
    pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="ahead")
    try:
        waiting: deque[Future[R]] = deque(pool.submit(function, item) for item in islice(source, count))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(source, 1))
            yield result
    finally:
        pool.shutdown(cancel_futures=True)
