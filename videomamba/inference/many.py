"""Many videos: from sources to a folder of Parquet files, by the engine that is asked for."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from videomamba.checks import check_choice, check_int
from videomamba.inference.batch import Predictor, What, check_usable, model_hash, row_width
from videomamba.inference.onnx_model import load_trained
from videomamba.inference.paths import check_text
from videomamba.inference.shards import (
    ROWS,
    Job,
    ShardWriter,
    check_packages,
    column,
    open_job,
    row_schema,
    shards_of,
)

ENGINES = ("local", "ray")


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Attributes:
        engine: ``local`` or ``ray``.
        output: folder of the shards.
        videos: that the sources name.
        done_before: of these, that the folder had already.
        errors: rows of the folder with an error.
        shards: files of the folder.
        seconds: of this run, the start of the engine and the model included.
        model: name of the checkpoint.
        model_hash: see :func:`videomamba.inference.batch.model_hash`.
    """

    engine: str
    output: str
    videos: int
    done_before: int
    errors: int
    shards: int
    seconds: float
    model: str
    model_hash: str


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a run works.

    Attributes:
        engine: ``local`` (this process) or ``ray`` (Ray Data).
        address: of a Ray cluster; None starts Ray on this machine.
        shards: Parquet files to write, about; None makes one for every 1,000 videos.
        resume: leave out what the folder has.
        device, what, top_k, num_clips, batch_size: see :class:`videomamba.inference.batch.Predictor`.

    Raises:
        UserError: an engine that there is not, or no shard.
    """

    engine: str = "local"
    address: str | None = None
    shards: int | None = None
    resume: bool = False
    device: str = "auto"
    what: What = "classes"
    top_k: int = 5
    num_clips: int = 1
    batch_size: int = 8

    def __post_init__(self) -> None:
        check_choice("engine", self.engine, ENGINES)
        for name in ("top_k", "num_clips", "batch_size"):
            check_int(name, getattr(self, name), at_least=1)
        if self.shards is not None:
            check_int("shards", self.shards, at_least=1)


def run_many(
    checkpoint: str,
    videos: Sequence[str | Path],
    folder: Path,
    options: Options,
    *,
    on_start: Callable[[int, int], None] = lambda done, total: None,
    on_row: Callable[[], None] = lambda: None,
    bars: bool = False,
) -> Summary:
    """Writes one row per video to Parquet files in a folder; see :class:`videomamba.inference.batch.Predictor`.

    Stopped in any way, it leaves whole files, and with ``resume`` goes on: rows with an error count as done.

    Args:
        checkpoint: what :class:`videomamba.inference.batch.Predictor` takes.
        videos: files and http(s) URLs of files, each once.
        folder: new, or with ``resume`` that of an earlier run.
        options: how.
        on_start: called with the videos done before and of all.
        on_row: called after each video, by the local engine.
        bars: show Ray Data's own progress bars.

    Raises:
        InUseError: another process writes to the folder.
        UserError: a package, checkpoint, device or folder that cannot be used.
    """
    began, o = time.perf_counter(), options
    check_packages(o.engine)
    paths = check_text(videos)
    predictor = {
        "checkpoint": checkpoint,
        **{name: getattr(o, name) for name in ("device", "what", "top_k", "num_clips", "batch_size")},
    }
    rows = ROWS if o.shards is None else -(-len(paths) // o.shards)
    local = Predictor(**predictor) if o.engine == "local" else None  # loaded before anything is written
    if local is not None:
        width, digest = local.width, local.hash
    else:
        model = load_trained(checkpoint, o.device)
        check_usable(model, o.what)
        width, digest, preprocessing = row_width(model, o.what, o.top_k), model_hash(checkpoint), model.preprocessing
        del model
        from videomamba.inference import ray_data

        ray_data.connect(o.address)
    job = Job(o.engine, o.what, checkpoint, digest, width, o.num_clips)
    with open_job(folder, job, resume=o.resume):
        done = set(column(folder, "path"))
        before = sum(path in done for path in paths)
        on_start(before, len(paths))
        if local is not None:
            writer = ShardWriter(folder, row_schema(o.what, width), rows=rows)
            write_rows(local, (path for path in paths if path not in done), writer, on_row)
        else:
            ray_data.write_shards(paths, folder, predictor, preprocessing=preprocessing, rows=rows, progress=bars)
        errors = sum(error is not None for error in column(folder, "error"))
        shards, seconds = len(shards_of(folder)), time.perf_counter() - began
    return Summary(o.engine, str(folder), len(paths), before, errors, shards, seconds, checkpoint, job.model_hash)


def write_rows(predictor: Predictor, paths: Iterable[str], writer: ShardWriter, on_row: Callable[[], None]) -> None:
    """Writes the rows of all paths; stopped by Ctrl-C, those that are made already."""
    try:
        for row in predictor.rows(paths):
            writer.add(row)
            on_row()
    finally:
        writer.flush()
