"""Files and folders that are written whole or not at all, and text in a stated encoding.

Text is UTF-8. Names of files may have bytes that are not: they are written as they are (``surrogateescape``).
"""

import contextlib
import csv
import io
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from videomamba.errors import UserError

_LONGEST_SUFFIX = 16  # of a temporary name, in bytes; longer ones mean nothing to a writer

PICTURES = (".png", ".pdf", ".svg")  # suffixes of figures


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside the file, with the same suffix, to write to; moved on success, removed on failure.

    Raises:
        OSError: under the file's own name, not the temporary one's.
        UserError: an address, see :func:`check_writable`.
    """
    _check_place(path)
    temporary = path.with_name(_temporary_name(path))
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


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path`` to fill; moved on success, removed on failure.

    Raises:
        OSError: ``path`` exists and is not an empty folder, or cannot be written.
        UserError: an address, see :func:`check_writable`.
    """
    _check_place(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(_temporary_name(path))
    temporary.mkdir()
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _check_place(path: Path) -> None:
    """``Path`` would make folders ``s3:`` and ``bucket`` of ``s3://bucket``."""
    if address := re.match(r"([a-z][a-z0-9+.-]+:)/+(.*)", str(path), re.IGNORECASE):
        raise UserError(
            f"{address[1]}//{address[2]} cannot be written: outputs are files and folders of this machine; name one, "
            "and copy it afterwards"
        )


def _temporary_name(path: Path) -> str:
    """Hidden, of the same suffix, and short: a name of 255 bytes has no room for more."""
    suffix = path.suffix if len(os.fsencode(path.suffix)) <= _LONGEST_SUFFIX else ""
    return f".{secrets.token_hex(4)}{suffix}"


def write_text(path: Path, text: str) -> None:
    """A whole file in UTF-8, whatever the locale; line ends and names' bytes as they are."""
    with whole_file(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "surrogateescape"))


def read_text(path: Path, *, names: bool = False) -> str:
    """A text file in UTF-8, with or without a byte order mark; all line ends are ``\\n``.

    Args:
        path: the file.
        names: keep bytes that are not UTF-8 (``surrogateescape``), as names of files may have them.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    return read_raw(path, names=names).replace("\r\n", "\n").replace("\r", "\n")


def read_raw(path: Path, *, names: bool = False) -> str:
    """:func:`read_text` with the line ends as they are, which a quoted field may hold."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise UserError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        return data.decode("utf-8-sig", "surrogateescape" if names else "strict")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path} cannot be read: line {line} is not UTF-8; save it as UTF-8 text") from error


def read_json(path: Path) -> Any:
    """
    Raises:
        UserError: the file cannot be read, or is not JSON.
    """
    text = read_text(path)
    try:
        value = json.loads(text)
        if "\\ud" in text.lower():  # half a character, which nothing can write, or a name's byte
            json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape")
        return value
    except RecursionError:
        raise UserError(f"{path} cannot be read as JSON: it is nested too deeply") from None
    except ValueError as error:
        raise UserError(f"{path} cannot be read as JSON: {error}") from error


def write_json(path: Path, value: Any) -> None:
    """A whole file of indented JSON in ASCII; values without a JSON form, such as paths, are written as text."""
    write_text(path, json.dumps(value, indent=2, default=str) + "\n")


def read_csv_lines(path: Path, *, names: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Rows of a csv file that are not empty, each with its (last) line in the file.

    Raises:
        UserError: the file cannot be read, or is not csv.
    """
    reader = csv.reader(io.StringIO(read_raw(path, names=names), newline=""))
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield reader.line_num, fields
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: not csv: {error}") from error


def printable(text: str) -> str:
    """The text with a replacement character for bytes that are not UTF-8: for fonts, pages and other encoders."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def check_writable(path: Path, *, folder: bool) -> None:
    """Checks that a file, or a folder with files in it, can be written there; creates nothing.

    Raises:
        UserError: it cannot, or it is an address such as ``s3://bucket/out``.
    """
    _check_place(path)
    kind = "folder" if folder else "file"
    if path.exists() and path.is_dir() != folder:
        raise UserError(f"{path} is a {'file' if folder else 'folder'}; name a {kind} to write")
    inside = path if folder else path.absolute().parent
    nearest = next(p for p in (inside.absolute(), *inside.absolute().parents) if p.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise UserError(f"cannot write {path}: {nearest} is not a folder that may be written to")
