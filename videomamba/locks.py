"""Places that one process at a time writes to: a lock of the operating system, which ends with its process."""

import contextlib
import errno
import os
import platform
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from videomamba.errors import UserError
from videomamba.notes import UserNote

LOCK = ".lock"  # in a locked folder
_BUSY = (errno.EAGAIN, errno.EACCES)  # another one has the lock
_FAR = 1 << 20  # the byte that Windows locks, which nobody can read then: behind the holder's name
_held: set[int] = set()  # descriptors

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _give(descriptor: int, file: Path) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # the file stays: one that is open cannot be removed

else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _give(descriptor: int, file: Path) -> None:
        file.unlink()  # before anybody else has the lock, whose file it would be
        fcntl.flock(descriptor, fcntl.LOCK_UN)


class InUseError(UserError):
    """Another process, or another call in this one, writes there."""


@contextlib.contextmanager
def locked(path: Path, *, folder: bool = True) -> Iterator[None]:
    """While active, nobody else can lock the same place. The lock is gone when its process is, however that ends.

    Processes that are forked meanwhile do not hold it. Where the file system has no locks, a note says so.

    Args:
        path: a folder, which is made where there is none; its lock is the file ``.lock`` in it.
        folder: False for a file, whose lock lies beside it.

    Raises:
        InUseError: the place is locked; says by which process.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from videomamba.locks import locked
        >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder)):
        ...     (Path(folder) / "only mine").touch()
    """
    file = path / LOCK if folder else path.with_name(f".{path.name}{LOCK}")
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _open(file, path)
    _held.add(descriptor)
    try:
        yield
    finally:
        if descriptor in _held:  # not in a process that was forked meanwhile
            _held.remove(descriptor)
            with contextlib.suppress(OSError):
                _give(descriptor, file)
            os.close(descriptor)


def is_empty(folder: Path) -> bool:
    """Whether a folder has nothing in it but, maybe, a lock."""
    return all(entry.name == LOCK for entry in folder.iterdir())


def _open(file: Path, path: Path) -> int:
    """The descriptor of a lock file that is locked now and has its holder's name in it."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _take(descriptor)
        except OSError as error:
            if error.errno in _BUSY:
                os.lseek(descriptor, 0, os.SEEK_SET)
                holder = os.read(descriptor, 200)
                os.close(descriptor)
                raise InUseError(
                    f"{path} is being written by another process{_named(holder)}: wait until that one has ended, or "
                    "name another output"
                ) from error
            text = f"{file} cannot be locked ({error.strerror}): let no other process write there meanwhile"
            warnings.warn(text, UserNote, stacklevel=4)
        if _is_there(descriptor, file):
            os.truncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, f"{os.getpid()} on {platform.node()}".encode())
            return descriptor
        os.close(descriptor)  # its holder removed it between the two


def _is_there(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False


def _named(holder: bytes) -> str:
    """What the lock file says; nothing in the instant before it is written."""
    return f" ({holder.decode(errors='replace')})" if holder else ""


def _forget() -> None:
    """In a forked process: a lock lives as long as any descriptor of it, and a loader's process may outlive ours."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
