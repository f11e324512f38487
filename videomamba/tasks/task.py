"""The interface between the engine and a task."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from videomamba.checks import check_fraction
from videomamba.data.transforms import Augmentation
from videomamba.errors import UserError
from videomamba.preprocessing import Preprocessing

# Of the data tower: "video" float (B, 3, T, H, W), or (B, V, 3, T, H, W) with V views per sample, or features
# of frames (B, C, T); the rest is the task's.
Batch = Mapping[str, Any]
DEFAULT_TASK = "recognition"  # of runs that name none
Change = Callable[[Tensor], Tensor]


class Samples(Protocol):
    """A data set whose random draws depend on the epoch that it is told."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Any: ...

    @property
    def epoch(self) -> int: ...

    def set_epoch(self, epoch: int) -> None: ...


class Metrics(Protocol):
    """What one evaluation counts. Every process is given the samples of all, so nothing is joined."""

    def update(self, scores: Tensor, batch: Batch) -> None:
        """Counts the samples of one batch.

        Args:
            scores: (B, ...) of :meth:`Task.scores`.
            batch: with all but ``video``.
        """

    def report(self) -> dict[str, Any]:
        """The figures of all that was counted, ready for JSON; has the key :attr:`Task.headline`."""


class Task(ABC):
    """A loss to train with, and metrics and predictions to read from a model's outputs.

    Args:
        class_names: of the outputs, in order.
        label_smoothing: see the task's loss.

    Raises:
        UserError: fewer than ``fewest_classes``, a name twice, or a smoothing outside [0, 1).

    Attributes:
        headline: the figure of :meth:`Metrics.report` that tells the best epoch; higher is better.
        in_percent: the report's figures are percentages, as this task's papers have them; else shares of 1.
        fewest_classes: that there must be.
        mixed_label: entry of a batch with one class index per sample, for mixing clips; None: they cannot be mixed.
        collate: from a list of samples to a batch; None is PyTorch's way, for samples of one shape.
    """

    headline: str
    in_percent: bool = False
    fewest_classes: int = 2
    class_names: tuple[str, ...]
    mixed_label: str | None = None
    collate: Callable[[list[Any]], Batch] | None = None

    def __init__(self, class_names: Sequence[str], *, label_smoothing: float = 0.0) -> None:
        if len(class_names) < self.fewest_classes:
            raise UserError(f"{_counted(class_names)}; {type(self).__name__} needs at least {self.fewest_classes}")
        twice = next((name for i, name in enumerate(class_names) if name in class_names[:i]), None)
        if twice is not None:
            raise UserError(f"class name {twice!r} occurs twice; names must differ")
        check_fraction("label_smoothing", label_smoothing)
        self.class_names = tuple(class_names)
        self.label_smoothing = label_smoothing

    @abstractmethod
    def train_dataset(
        self, part: Any, preprocessing: Preprocessing, *, augmentation: Augmentation, seed: int
    ) -> Samples:
        """Random, augmented samples of the training part."""

    @abstractmethod
    def test_dataset(
        self, part: Any, preprocessing: Preprocessing, *, num_clips: int = 1, num_crops: int = 1
    ) -> Samples:
        """Samples without chance; several clips and crops of each give ``video`` an axis of views in front."""

    def check_model(self, model: nn.Module) -> None:  # noqa: B027  (most tasks take any model)
        """Raises if this task cannot use the model; by default any will do.

        Raises:
            UserError: a model that is made for another task.
        """

    def outputs(self, model: nn.Module, batch: Batch) -> Tensor:
        """The model's outputs (B, ...) for a training batch."""
        outputs: Tensor = model(batch["video"])
        return outputs

    def test_outputs(self, model: nn.Module, batch: Batch, change: Change | None = None) -> Tensor:
        """Outputs (B, V, ...) for all views of a test batch in one pass; ``change`` alters the videos first."""
        video: Tensor = batch["video"]
        views = video.unsqueeze(1) if video.dim() == 5 else video
        flat = views.flatten(0, 1)
        outputs: Tensor = model(flat if change is None else change(flat))
        return outputs.unflatten(0, views.shape[:2])

    @abstractmethod
    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The scalar to minimise, a mean over the batch, for the model's ``outputs`` on one view a sample."""

    @abstractmethod
    def correct(self, outputs: Tensor, batch: Batch) -> Tensor:
        """(B,) how right each sample is, from 0 to 1: the live figure of the progress bar."""

    @abstractmethod
    def scores(self, outputs: Tensor) -> Tensor:
        """Outputs (B, V, ...) of V views per sample, joined to one result per sample (B, ...)."""

    @abstractmethod
    def metrics(self) -> Metrics:
        """Fresh metrics; one object for each evaluation."""

    @abstractmethod
    def predictions(self, scores: Tensor, top_k: int) -> list[list[dict[str, Any]]]:
        """For each sample its ``top_k`` best answers, best first, ready for JSON."""

    def best(self, scores: Tensor, top_k: int) -> tuple[list[Any], list[Any]]:
        """Nested lists of the ``top_k`` best classes' indices and scores, of scores (..., C).

        Raises:
            UserError: ``top_k`` below one.
        """
        if top_k < 1:
            raise UserError(f"top_k={top_k}; give at least 1")
        best = scores.topk(min(top_k, len(self.class_names)), dim=-1)
        return best.indices.tolist(), best.values.tolist()


def _counted(class_names: Sequence[str]) -> str:
    return f"1 class ({class_names[0]})" if len(class_names) == 1 else f"{len(class_names) or 'no'} classes"
