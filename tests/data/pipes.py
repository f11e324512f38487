"""Standard input as a pipe that somebody writes to."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def piped(data: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Feeds ``data`` to this process's standard input."""
    read, written = os.pipe()
    source = os.fdopen(read)
    monkeypatch.setattr(sys, "stdin", source)

    def feed() -> None:
        with os.fdopen(written, "wb") as file, contextlib.suppress(BrokenPipeError):
            file.write(data)

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        yield
    finally:
        source.close()
        feeder.join()
