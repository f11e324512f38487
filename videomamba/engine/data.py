"""From a data configuration and a model to loaders of clips that this model takes."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader

from videomamba.data import VideoError, make_loader, read_csv, read_folder, split_holdout
from videomamba.data.annotations import model_labels as model_labels
from videomamba.data.archive import unpack
from videomamba.data.broken import CollateBroken, SkipBroken, read_leave_out, refuse_missing, without
from videomamba.data.datasets import MAY_LACK_VIDEOS, VIDEO_LAYOUTS, read_layout
from videomamba.data.loader import end_workers
from videomamba.data.splits import Part, Splits
from videomamba.data.synthetic import write_synthetic
from videomamba.engine.config import DataConfig, RunConfig
from videomamba.errors import FieldError, UserError
from videomamba.preprocessing import Preprocessing
from videomamba.tasks.task import Samples, Task


def load_splits(config: DataConfig, *, seed: int, progress: Callable[[int, int], None] | None = None) -> Splits:
    """Training and test videos: of the csv, of the folders train/ and test/, or about a fifth of each class held out.

    Where there is a part ``val`` beside ``test``, it chooses the best epoch.

    Args:
        config: where they are; what it asks for is rendered or unpacked first.
        seed: of the random fifth.
        progress: called with files rendered or unpacked and files in all.

    Raises:
        UserError: videos, columns or classes are missing, or a part has no video.
    """
    if config.synthetic is not None:
        write_synthetic(config.root, config.synthetic, progress=progress)
    if config.archive is not None:
        unpack(config.archive, config.root, progress=progress)
    gone = left_out(config)
    parts = without(_annotated(config, missing_ok=bool(gone)), gone, config.leave_out) if gone else _annotated(config)
    if gone and config.layout not in MAY_LACK_VIDEOS:
        refuse_missing(parts, config.split or config.root)
    if "all" in parts:
        parts = split_holdout(parts["all"], seed=seed, root=config.root)
    for name, part in parts.items():
        if not len(part):
            hint = "".join(f" ({note})" for note in parts["train"].notes)
            raise UserError(
                f"{config.root}: the {name} part has no videos; a class needs at least two to hold one out{hint}"
            )
    return Splits(**parts)


def left_out(config: DataConfig) -> dict[str, str]:
    """The files of ``config.leave_out``, see :func:`videomamba.data.broken.read_leave_out`."""
    return {} if config.leave_out is None else read_leave_out(config.leave_out, config.root)


def _annotated(config: DataConfig, *, missing_ok: bool = False) -> dict[str, Any]:
    if config.split is not None:
        return read_csv(config.split, root=config.root, hold_out=config.hold_out, missing_ok=missing_ok)
    if config.layout != "folder":
        options = (
            {**config.options, "missing_ok": True} if missing_ok and config.layout in VIDEO_LAYOUTS else config.options
        )
        return read_layout(config.layout, config.root, fold=config.fold, **options)
    return read_folder(config.root)


def train_loader(task: Task, part: Part, preprocessing: Preprocessing, run: RunConfig) -> DataLoader:
    """Shuffled batches of the task's training samples."""
    dataset = task.train_dataset(part, preprocessing, augmentation=run.data.augmentation, seed=run.seed)
    if run.data.in_memory:
        _keep_in_memory(dataset)
    dataset, collate = _skipping(dataset, task, skip=run.data.skip_broken > 0, seed=run.seed)
    return make_loader(
        dataset,
        batch_size=run.optim.batch_size,
        shuffle=True,
        seed=run.seed,
        num_workers=run.data.workers,
        collate=collate,
    )


def evaluation_loader(
    task: Task,
    part: Part,
    preprocessing: Preprocessing,
    *,
    batch_size: int,
    workers: int,
    num_clips: int = 1,
    num_crops: int = 1,
    in_memory: bool = False,
    skip_broken: bool = False,
) -> DataLoader:
    """Batches of the task's test samples in the part's order, the last one as short as it comes.

    With ``skip_broken`` a sample that cannot be read is marked, and :func:`videomamba.engine.evaluate` leaves it out.
    """
    dataset = task.test_dataset(part, preprocessing, num_clips=num_clips, num_crops=num_crops)
    if in_memory:
        _keep_in_memory(dataset)
    dataset, collate = _skipping(dataset, task, skip=skip_broken)
    return make_loader(dataset, batch_size=batch_size, shuffle=False, num_workers=workers, collate=collate)


def _skipping(dataset: Samples, task: Task, *, skip: bool, seed: int = 0) -> tuple[Samples, Any]:
    """The data set and its collate, or what marks broken samples around them."""
    return (SkipBroken(dataset, seed=seed), CollateBroken(task.collate)) if skip else (dataset, task.collate)


def batches(loader: DataLoader) -> Iterator[dict[str, Tensor]]:
    """The loader's batches; a worker's VideoError comes as the one line it was, without the worker's traceback.

    An epoch that is left before its end ends the workers too.
    """
    is_whole = False
    try:
        yield from loader
        is_whole = True
    except VideoError as error:
        last = str(error).strip().splitlines()[-1]
        raise VideoError(last.removeprefix(f"{VideoError.__module__}.{VideoError.__qualname__}: ")) from None
    finally:
        if not is_whole:
            end_workers(loader)


def _keep_in_memory(dataset: Samples) -> None:
    keep = getattr(dataset, "keep_in_memory", None)
    if keep is None:
        raise FieldError(
            f"{{in_memory}} is for videos; {type(dataset).__name__} reads its samples each time", "in_memory"
        )
    keep()
