"""Lists of videos in csv, text and Parquet files, and paths as Parquet holds them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from videomamba.data.datasets.csv import read_table
from videomamba.data.names import located
from videomamba.data.stream import is_once
from videomamba.errors import UserError
from videomamba.files import printable, read_text

LISTS = (".csv", ".txt", ".parquet")


def read_list(file: Path) -> list[str | Path]:
    """What a list names: paths, and texts for addresses, cameras and standard input.

    A .csv has a column ``path``, a .txt one path per line, a .parquet a column ``path`` or only one column of text.
    Relative paths are relative to the list's folder, or, where the first of them is only in the current one, to that.

    Raises:
        UserError: it cannot be read, has no such column, or names nothing.
    """
    kind = file.suffix.lower()
    if kind == ".csv":
        texts = [row.fields["path"] for row in read_table(file, ("path",))]
    elif kind == ".txt":
        texts = read_text(file, names=True).split("\n")
    else:
        texts = _parquet_column(file)
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise UserError(f"{file} names no video")
    folder = _folder_of(file, texts)
    return [text.strip() if is_once(text.strip()) else _path(folder, text) for text in texts]


def _folder_of(file: Path, texts: Sequence[str]) -> Path:
    """The folder that a list's relative paths are below."""
    first = next((text for text in texts if not os.path.isabs(text) and not is_once(text.strip())), None)
    is_elsewhere = first is not None and not _path(file.parent, first).exists() and _path(Path(), first).exists()
    return Path() if is_elsewhere else file.parent


def _path(folder: Path, text: str) -> Path:
    return located(folder, text) or folder / text.strip()


def check_text(paths: Sequence[str | Path]) -> list[str]:
    """The paths as Parquet can hold them.

    Raises:
        UserError: a name that is not UTF-8.
    """
    texts = [os.fspath(path) for path in paths]
    bad = [text for text in texts if printable(text) != text]
    if bad:
        raise UserError(
            f"{len(bad)} paths are not UTF-8, the first {printable(bad[0])}; Parquet holds UTF-8 only: rename them"
        )
    return texts


def _parquet_column(file: Path) -> list[str]:
    from videomamba.inference.shards import check_packages

    check_packages("local")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(file)
        texts = [field.name for field in schema if _is_text(pa, field.type)]
        name = "path" if "path" in schema.names else texts[0] if len(texts) == 1 else None
        if name is None or name not in texts:
            raise UserError(f"{file} has no column 'path' of text; it has {', '.join(schema.names) or 'none'}")
        return [text for text in pq.read_table(file, columns=[name])[name].to_pylist() if text is not None]
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UserError(f"{file} cannot be read as Parquet: {reason}") from error


def _is_text(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
