"""The error for files that cannot be read as videos."""

import re

from videomamba.errors import UserError

_SOURCE = re.compile(r",? ?\(?/?[\w./-]+\.(?:cpp|h|cu):\d+")  # where in its sources a library failed


class VideoError(UserError):
    """A file that cannot be read as a video; the message is one line that names the file and what is wrong with it."""


def reason(error: BaseException) -> str:
    """What a library says of a failure, in one line, without paths of its own sources."""
    said = getattr(error, "strerror", None) or str(error)
    line = next(iter(said.strip().splitlines()), type(error).__name__)
    return _SOURCE.split(line)[0]
