"""What the data tower raises for files that are not what they should be."""

from videomamba.errors import UserError


class VideoError(UserError):
    """A file that cannot be read as a video; the message is one line that names the file and what is wrong with it."""


def reason(error: Exception) -> str:
    """What a library says of a failure, in one line."""
    said = getattr(error, "strerror", None) or str(error)
    return next(iter(said.strip().splitlines()), type(error).__name__)
