"""Many videos on Ray Data: paths, decoding, the model, and Parquet are operators that overlap, here or on a cluster."""

import contextlib
import functools
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before Ray is imported: nothing is reported to its makers

import pyarrow as pa
import pyarrow.parquet as pq
import ray
from ray.data import ActorPoolStrategy, DataContext, Datasource, ReadTask
from ray.data.block import BlockAccessor, BlockMetadata
from ray.data.checkpoint import CheckpointConfig
from ray.data.datasource import BlockBasedFileDatasink

from videomamba.errors import UserError
from videomamba.files import whole_file
from videomamba.inference.batch import Predictor, decode_batch
from videomamba.machine import cores
from videomamba.preprocessing import Preprocessing

CHECKPOINT = ".ray-checkpoint"  # in the output folder
_EXTRA = 3  # logical processors beside the machine's: operators that wait hold one each


class PathSource(Datasource):
    """Blocks of paths, ``rows`` in each.

    Args:
        paths: of all videos.
        rows: of a block; a block is decoded by one task.
    """

    def __init__(self, paths: Sequence[str], rows: int) -> None:
        super().__init__()
        self._blocks = [list(paths[i : i + rows]) for i in range(0, len(paths), rows)]

    def estimate_inmemory_data_size(self) -> int:
        return sum(len(path) for block in self._blocks for path in block)

    def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[ReadTask]:
        return [
            ReadTask(
                functools.partial(_path_block, block),
                BlockMetadata(len(block), sum(map(len, block)), input_files=None, exec_stats=None),
            )
            for block in self._blocks
        ]


class ShardSink(BlockBasedFileDatasink):
    """Parquet files that appear whole, also where a worker is killed while it writes."""

    @contextlib.contextmanager
    def open_output_stream(self, path: str) -> Iterator[IO[bytes]]:
        with whole_file(Path(path)) as temporary, temporary.open("wb") as file:
            yield file

    def write_block_to_file(self, block: BlockAccessor, file: IO[bytes]) -> None:
        pq.write_table(block.to_arrow(), file)


def connect(address: str | None) -> None:
    """Joins a cluster, or starts Ray on this machine.

    Raises:
        UserError: no cluster answers at the address, or Ray does not start, as on a machine that is too busy.
    """
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "ignore_reinit_error": True}
    try:
        if address is None:
            ray.init(address="local", num_cpus=cores() + _EXTRA, include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except Exception as error:  # Ray raises nothing more particular where its processes do not start in time
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        what = "Ray does not start here" if address is None else f"--address {address}: no Ray cluster answers there"
        raise UserError(f"{what}: {reason}") from error


def write_shards(
    paths: Sequence[str],
    folder: Path,
    predictor: dict[str, Any],
    *,
    preprocessing: Preprocessing,
    rows: int,
    progress: bool,
) -> None:
    """Writes the rows of all paths that the folder's checkpoint does not have yet; Ray Data keeps that checkpoint.

    A worker that dies is replaced and its work done again. :func:`connect` comes first.

    Args:
        paths: each once.
        folder: of the shards, which every machine of the cluster sees under this name.
        predictor: arguments of :class:`videomamba.inference.batch.Predictor`.
        preprocessing: of the model.
        rows: of a shard, at least.
        progress: show Ray Data's bars.
    """
    context = DataContext.get_current()
    context.checkpoint_config = CheckpointConfig(
        "path", str(folder.absolute() / CHECKPOINT), delete_checkpoint_on_success=False
    )
    context.use_datasource_v2 = False  # of the checkpoint's own files: small ones, which need no listing tasks
    context.enable_progress_bars = progress
    clips, gpus = predictor["num_clips"], int(ray.cluster_resources().get("GPU", 0))
    on_gpu = predictor["device"] == "cuda" or (predictor["device"] == "auto" and gpus > 0)
    cpus, batch = int(ray.cluster_resources()["CPU"]), predictor["batch_size"]
    actors = max(1, gpus if on_gpu else cpus // 2)
    (
        ray.data.read_datasource(PathSource(paths, 4 * batch), override_num_blocks=-(-len(paths) // (4 * batch)))
        .map_batches(
            decode_batch,
            batch_size=batch,
            fn_kwargs={"preprocessing": preprocessing, "num_clips": clips},
            num_cpus=1,
            concurrency=cpus,  # another number than that of the models, or Ray Data makes one stage of the two
        )
        .map_batches(
            Predictor,
            batch_size=batch,
            fn_constructor_kwargs=predictor,
            compute=ActorPoolStrategy(min_size=1, max_size=actors),
            num_cpus=0 if on_gpu else 1,
            num_gpus=1 if on_gpu else 0,
        )
        .write_datasink(ShardSink(str(folder.absolute()), min_rows_per_file=rows, file_format="parquet"))
    )


def _path_block(paths: list[str]) -> list[pa.Table]:
    return [pa.table({"path": pa.array(paths, pa.string())})]
