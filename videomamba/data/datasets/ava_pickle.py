"""mmaction2's pickles of person boxes as csv, read without running what a pickle may hold."""

import io
import math
import pickle
from pathlib import Path
from typing import Any

from videomamba.data.errors import reason
from videomamba.errors import UserError
from videomamba.tables import write_csv_lines

# what a pickled numpy array of numbers needs; anything else could be a program
_ARRAYS = {(f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")} | {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}
_ARRAYS |= {(f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ARRAYS:
            raise UserError(f"it asks for {module}.{name}, which is no array of numbers")
        return super().find_class(module, name)


def boxes_from_pickle(source: Path, destination: Path) -> int:
    """Writes ``{"video,timestamp": (N, 5) of x1, y1, x2, y2, score}`` as rows ``video,timestamp,x1,y1,x2,y2,,score``.

    Returns:
        The number of rows.

    Raises:
        UserError: the file cannot be read, holds anything but arrays of numbers, or something is at the destination.
    """
    if destination.exists():
        raise UserError(f"{destination} is there already; choose another name or remove it")
    try:
        content = _ArraysOnly(io.BytesIO(source.read_bytes())).load()
    except OSError as error:
        raise UserError(f"{source} cannot be read: {error.strerror}") from error
    except Exception as error:  # a broken pickle raises nearly anything
        raise UserError(f"{source} is not a pickle of person boxes: {reason(error)}") from error
    if not isinstance(content, dict):
        raise UserError(f"{source} holds a {type(content).__name__}; expected a dict of 'video,timestamp' -> boxes")
    rows = [row for key, boxes in content.items() for row in _rows(source, key, boxes)]
    write_csv_lines(destination, rows)
    return len(rows)


def _rows(source: Path, key: object, boxes: Any) -> list[list[str]]:
    video, comma, timestamp = str(key).rpartition(",")
    if not isinstance(key, str) or not comma:
        raise UserError(f"{source}: key {str(key)[:80]!r}; expected 'video,timestamp'")
    try:
        listed = [[float(value) for value in row] for row in boxes]
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{source}: {key} has no list of boxes: {reason(error)}") from error
    for values in listed:
        if len(values) not in (4, 5) or not all(map(math.isfinite, values)):
            raise UserError(
                f"{source}: {key} has a box {str(values)[:80]} of {len(values)} numbers; expected x1, y1, x2, y2, score"
            )
    return [
        [video, timestamp, *(f"{value:.6g}" for value in values[:4]), "", f"{(*values, 1.0)[4]:.6g}"]
        for values in listed
    ]
