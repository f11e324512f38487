"""Zip archives of videos or pictures, unpacked once."""

import hashlib
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from videomamba.errors import UserError
from videomamba.files import whole_folder

_AT_A_TIME = 100  # files between two calls of progress


def unpacked_folder(archive: Path, below: Path) -> Path:
    """Where an archive is unpacked to: its name and a hash of what it lists, so that another one gets another folder.

    Raises:
        UserError: it is not a zip archive.
    """
    with _opened(archive) as opened:
        listed = "\n".join(f"{info.filename} {info.file_size} {info.CRC}" for info in opened.infolist())
    return (
        below
        / f"{archive.stem}-{hashlib.blake2b(listed.encode('utf-8', 'surrogateescape'), digest_size=4).hexdigest()}"
    )


def unpack(archive: Path, folder: Path, *, progress: Callable[[int, int], None] | None = None) -> None:
    """Unpacks completely or not at all; does nothing where the folder exists. Hidden files are left out.

    Args:
        archive: a zip file.
        folder: for its contents.
        progress: called with files unpacked and files in all.

    Raises:
        UserError: it is not a zip archive, is damaged, needs a password, or names files outside of the folder.
    """
    if folder.exists():
        return
    with _opened(archive) as opened, whole_folder(folder) as whole:
        files = [info for info in opened.infolist() if not _is_aside(info.filename)]
        outside = next((info.filename for info in files if ".." in Path(info.filename).parts), None)
        if outside is not None:
            raise UserError(f"{archive} names a file outside of itself: {outside}; unpack it by hand if you trust it")
        try:
            for done, info in enumerate(files, start=1):
                opened.extract(info, whole)
                if progress is not None and (done % _AT_A_TIME == 0 or done == len(files)):
                    progress(done, len(files))
        except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:  # RuntimeError: a password
            raise UserError(f"{archive} cannot be unpacked: {error}") from error


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError) as error:
        raise UserError(f"{archive} is not a zip archive that can be read: {error}") from error


def _is_aside(name: str) -> bool:
    return any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in Path(name).parts)
