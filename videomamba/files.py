"""Files that are written whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from videomamba.errors import UserError


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside the file, of the same suffix, to write to; moved when all is well, removed when not.

    Raises:
        OSError: under the file's own name, not the temporary one's.
    """
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """A whole file in UTF-8, whatever the locale."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def check_writable(path: Path, *, folder: bool) -> None:
    """Whether a file, or a folder with files in it, can be written there; makes nothing.

    Raises:
        UserError: it cannot.
    """
    kind = "folder" if folder else "file"
    if path.exists() and path.is_dir() != folder:
        raise UserError(f"{path} is a {'file' if folder else 'folder'}; name a {kind} to write")
    inside = path if folder else path.absolute().parent
    nearest = next(p for p in (inside.absolute(), *inside.absolute().parents) if p.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise UserError(f"cannot write {path}: {nearest} is not a folder that may be written to")
