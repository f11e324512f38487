"""Rows as Parquet files, each written whole or not at all, in a folder that says what they were made with."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videomamba.errors import UserError
from videomamba.files import check_writable, read_json, whole_file, write_json
from videomamba.locks import is_empty, locked

if TYPE_CHECKING:
    import pyarrow

JOB = "job.json"
ROWS = 1000  # of a shard, where nobody says how many shards there shall be
_LEFT_BEHIND = re.compile(r"\.[0-9a-f]{8}\.parquet")  # temporary names of a process that was killed


@dataclass(frozen=True)
class Job:
    """What the shards of a folder were made with; a run that continues them must have the same.

    Attributes:
        engine: ``local`` or ``ray``.
        what: ``classes`` or ``features``.
        model: name of the checkpoint.
        model_hash: see :func:`videomamba.inference.batch.model_hash`.
        width: length of each row's ``scores`` or ``embedding``.
        num_clips: clips of a video.
    """

    engine: str
    what: str
    model: str
    model_hash: str
    width: int
    num_clips: int


def check_packages(engine: str) -> None:
    """
    Raises:
        UserError: a package that the engine needs is missing; names the extra.
    """
    if engine == "ray" and not find_spec("ray"):
        raise UserError('--engine ray needs Ray Data: pip install "videomamba[ray]"')
    if not find_spec("pyarrow"):
        raise UserError('Parquet files need pyarrow: pip install "videomamba[parquet]"')


def row_schema(what: str, width: int) -> "pyarrow.Schema":
    """Columns of a shard.

    Args:
        what: ``classes`` or ``features``.
        width: length of ``scores`` or ``embedding``.
    """
    import pyarrow as pa

    values = pa.list_(pa.float32(), width)
    answers = [("labels", pa.list_(pa.string())), ("scores", values)] if what == "classes" else [("embedding", values)]
    return pa.schema(
        [
            pa.field("path", pa.string(), nullable=False),
            ("start_s", pa.float64()),
            ("end_s", pa.float64()),
            *answers,
            ("error", pa.string()),
            ("model", pa.string()),
            ("model_hash", pa.string()),
        ]
    )


@contextlib.contextmanager
def open_job(folder: Path, job: Job, *, resume: bool) -> Iterator[None]:
    """Makes the folder, or goes on with it without what a killed process left half-written; nobody else can meanwhile.

    Raises:
        InUseError: another process writes there.
        UserError: the folder holds something already, or with ``resume`` nothing, or the shards of another job.
    """
    check_writable(folder, folder=True)
    file = folder / JOB
    if resume and not file.is_file():
        raise UserError(f"{folder} holds no run to resume: there is no {file}")
    with locked(folder):
        if resume:
            _go_on(folder, job)
        elif file.is_file():
            raise UserError(f"{folder} holds the shards of an earlier run; add --resume, or name another --output")
        elif not is_empty(folder):
            raise UserError(f"{folder} is not empty; name a new folder with --output")
        else:
            write_json(file, dataclasses.asdict(job))
        yield


def _go_on(folder: Path, job: Job) -> None:
    """
    Raises:
        UserError: the shards of another job.
    """
    file = folder / JOB
    before, now = read_json(file), dataclasses.asdict(job)
    if not isinstance(before, Mapping) or before.keys() != now.keys():
        raise UserError(f"{file} does not describe a run; name another --output")
    other = [f"{key} {before[key]} there, {now[key]} now" for key in now if before[key] != now[key] and key != "model"]
    if other:
        raise UserError(f"{folder} was made with other settings ({'; '.join(other)}); name another --output")
    for path in folder.iterdir():
        if _LEFT_BEHIND.fullmatch(path.name):
            path.unlink()


def shards_of(folder: Path) -> list[Path]:
    """The finished shards, sorted."""
    return sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))


def column(folder: Path, name: str) -> list[Any]:
    """One column of all finished shards.

    Raises:
        UserError: a shard that cannot be read.
    """
    import pyarrow.parquet as pq

    values: list[Any] = []
    for path in shards_of(folder):
        try:
            values += pq.read_table(path, columns=[name], partitioning=None)[name].to_pylist()
        except (OSError, ValueError, KeyError) as error:
            raise UserError(
                f"{path} cannot be read: {str(error).splitlines()[0]}; remove it and add --resume"
            ) from error
    return values


class ShardWriter:
    """Writes rows in files of a given length, ``part-00000.parquet`` and so on, after those that are there.

    Args:
        folder: that is there.
        schema: of the rows.
        rows: of a shard.
    """

    def __init__(self, folder: Path, schema: "pyarrow.Schema", *, rows: int) -> None:
        self._folder, self._schema, self._rows = folder, schema, rows
        self._next = max((int(m[1]) for p in shards_of(folder) if (m := re.search(r"(\d+)$", p.stem))), default=-1) + 1
        self._waiting: list[Mapping[str, Any]] = []

    def add(self, row: Mapping[str, Any]) -> None:
        """Keeps a row, and writes a shard when there are enough."""
        self._waiting.append(row)
        if len(self._waiting) >= self._rows:
            self.flush()

    def flush(self) -> None:
        """Writes the rows that wait, if any."""
        if self._waiting:
            write_shard(self._folder / f"part-{self._next:05}.parquet", self._waiting, self._schema)
            self._next, self._waiting = self._next + 1, []


def write_shard(path: Path, rows: Sequence[Mapping[str, Any]], schema: "pyarrow.Schema") -> None:
    """One whole Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with whole_file(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary)
