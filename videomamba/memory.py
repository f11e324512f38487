"""What a process on Linux does with freed memory."""

import ctypes
import os
import sys
from functools import cache


@cache
def keep_freed_memory() -> None:
    """Lets glibc reuse freed memory, for example of the previous layer, instead of fresh pages from the system.

    By default it returns buffers of this size to the system at once, and filling new pages then costs a forward pass
    about 7 %, a scan's backward pass a third of its time, and a training clip's transforms a sixth. The limits are
    glibc's own largest threshold for separate mappings, and 256 MiB to keep; a process that sets
    ``MALLOC_TRIM_THRESHOLD_`` keeps its own.

    The command line and loader processes call it. Nothing else in this package does: a process that uses it as a
    library decides for itself.
    """
    if not sys.platform.startswith("linux") or "MALLOC_TRIM_THRESHOLD_" in os.environ:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # absent from musl
    if mallopt is not None:
        trim_threshold, mmap_threshold = -1, -3  # malloc.h
        mallopt(mmap_threshold, 32 * 2**20)
        mallopt(trim_threshold, 256 * 2**20)
