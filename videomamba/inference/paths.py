"""Many videos by name: folders, globs, and lists in csv, text and Parquet files."""

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from videomamba.data.annotations import search_videos
from videomamba.data.datasets.csv import read_table
from videomamba.data.walk import Found
from videomamba.errors import UserError
from videomamba.files import printable, read_text

LISTS = (".csv", ".txt", ".parquet")


def listed_videos(sources: Iterable[str | Path]) -> Found:
    """All videos of some sources, in their order, each once; nothing is opened but lists.

    A source is a folder (its videos, sorted), a glob such as ``clips/**/*.mp4`` (files as they match, sorted), a list,
    or a file. A list is a .csv with a column ``path``, a .txt with one path per line, or a .parquet with a column
    ``path`` or only one column of text. Relative paths of a list are relative to the list's folder, or, where the first
    of them is not there, to the current one.

    Raises:
        VideoError: a folder without any video.
        UserError: a glob that matches nothing, or a list that cannot be read, has no such column or no row.
    """
    found = Found()
    for source in map(str, sources):
        if os.path.splitext(source)[1].lower() in LISTS:
            found += Found(tuple(map(Path, read_list(Path(source)))))
        elif glob.has_magic(source) and not os.path.exists(source):
            matches = sorted(glob.glob(source, recursive=True))
            if not matches:
                raise UserError(f"{source} matches no file; ** searches folders below")
            found += search_videos(matches)
        else:
            found += search_videos([source])
    return Found(tuple(dict.fromkeys(found.videos)), found.others)


def read_list(file: Path) -> list[str]:
    """The paths of a list, see :func:`listed_videos`.

    Raises:
        UserError: it cannot be read, has no such column, or no row.
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
    first = next((text for text in texts if not os.path.isabs(text)), None)
    if first is None or not (file.parent / first).exists():
        return texts
    return [os.path.join(file.parent, text) for text in texts]  # leaves absolute ones as they are


def check_text(paths: Sequence[Path]) -> list[str]:
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
