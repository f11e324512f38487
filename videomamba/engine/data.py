"""From a data configuration and a model to loaders of clips that this model takes."""

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor
from torch.utils.data import DataLoader

from videomamba.data import Annotations, VideoError, VideoRecord, make_loader, read_csv, read_folder, split_holdout
from videomamba.data.datasets import LAYOUTS
from videomamba.data.splits import Part, Splits
from videomamba.data.synthetic import write_synthetic
from videomamba.engine.config import DataConfig, RunConfig
from videomamba.errors import FieldError, UserError
from videomamba.preprocessing import Preprocessing
from videomamba.tasks.task import Samples, Task


def load_splits(config: DataConfig, *, seed: int, progress: Callable[[int, int], None] | None = None) -> Splits:
    """Training and test videos: of the csv, of the folders train/ and test/, or a fifth of each class held out.

    Args:
        config: where they are; what it asks for is rendered first.
        seed: of the random fifth.
        progress: called with clips rendered and clips in all.

    Raises:
        UserError: videos, columns or classes are missing, or a part has no video.
    """
    if config.synthetic is not None:
        write_synthetic(config.root, config.synthetic, progress=progress)
    if config.layout != "folder":
        return Splits(**LAYOUTS[config.layout](config.root, fold=config.fold, **config.options))
    if config.split is not None:
        return Splits(**read_csv(config.split, root=config.root, hold_out=config.hold_out))
    parts = read_folder(config.root)
    if "all" in parts:
        parts = split_holdout(parts["all"], seed=seed)
    for name, annotations in parts.items():
        if not len(annotations):
            raise UserError(f"{config.root}: the {name} part has no videos; a class needs at least two to hold one out")
    return Splits(**parts)


def model_labels(annotations: Annotations, class_names: Sequence[str]) -> Annotations:
    """The same videos under a model's labels; classes of the model without videos are fine.

    Raises:
        UserError: a class that the model does not know.
    """
    unknown = [name for name in annotations.class_names if name not in class_names]
    if unknown:
        raise UserError(
            f"the model does not know {len(unknown)} of the {len(annotations.class_names)} classes here: "
            f"{_first(unknown)}; it knows {_first(class_names)}"
        )
    index = {name: i for i, name in enumerate(class_names)}
    records = tuple(VideoRecord(r.path, index[annotations.class_names[r.label]]) for r in annotations.records)
    return Annotations(records, tuple(class_names))


def train_loader(task: Task, part: Part, preprocessing: Preprocessing, run: RunConfig) -> DataLoader:
    """Shuffled batches of the task's training samples."""
    dataset = task.train_dataset(part, preprocessing, augmentation=run.data.augmentation, seed=run.seed)
    if run.data.in_memory:
        _keep_in_memory(dataset)
    return make_loader(
        dataset,
        batch_size=run.optim.batch_size,
        shuffle=True,
        seed=run.seed,
        num_workers=run.data.workers,
        collate=task.collate,
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
) -> DataLoader:
    """Batches of the task's test samples in the part's order, the last one as short as it comes."""
    dataset = task.test_dataset(part, preprocessing, num_clips=num_clips, num_crops=num_crops)
    if in_memory:
        _keep_in_memory(dataset)
    return make_loader(dataset, batch_size=batch_size, shuffle=False, num_workers=workers, collate=task.collate)


def batches(loader: DataLoader) -> Iterator[dict[str, Tensor]]:
    """The loader's batches; a worker's VideoError comes as the one line it was, without the worker's traceback."""
    try:
        yield from loader
    except VideoError as error:
        last = str(error).strip().splitlines()[-1]
        raise VideoError(last.removeprefix(f"{VideoError.__module__}.{VideoError.__qualname__}: ")) from None


def _keep_in_memory(dataset: Samples) -> None:
    keep = getattr(dataset, "keep_in_memory", None)
    if keep is None:
        raise FieldError(
            f"{{in_memory}} is for videos; {type(dataset).__name__} reads its samples each time", "in_memory"
        )
    keep()


def _first(names: Sequence[str], count: int = 5) -> str:
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")
