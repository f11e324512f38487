"""All that the engine knows of what is learnt."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from torchmetrics import MetricCollection

# Of the data tower: "video" float (B, 3, T, H, W), or (B, V, 3, T, H, W) with V views a sample; the rest is the task's.
Batch = Mapping[str, Any]


class Task(ABC):
    """A loss to train with, and metrics and predictions to read from a model's outputs.

    Attributes:
        headline: the figure of :meth:`report` that tells the best epoch; higher is better.
    """

    headline: str

    @abstractmethod
    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The scalar to minimise, a mean over the batch, for the model's ``outputs`` on one view a sample."""

    @abstractmethod
    def correct(self, outputs: Tensor, batch: Batch) -> Tensor:
        """(B,) how right each sample is, from 0 to 1: the live figure of the progress bar."""

    @abstractmethod
    def scores(self, outputs: Tensor) -> Tensor:
        """Outputs (B, V, ...) of V views a sample, joined to one result a sample (B, ...)."""

    @abstractmethod
    def metrics(self) -> "MetricCollection":
        """Fresh metrics; one set for each evaluation."""

    @abstractmethod
    def update(self, metrics: "MetricCollection", scores: Tensor, batch: Batch) -> None:
        """Counts the samples of one batch, each once."""

    @abstractmethod
    def report(self, metrics: "MetricCollection") -> dict[str, Any]:
        """The figures of all that was counted, ready for JSON; has the key :attr:`headline`."""

    @abstractmethod
    def predictions(self, scores: Tensor, top_k: int) -> list[list[dict[str, Any]]]:
        """For each sample its ``top_k`` best answers, best first, ready for JSON."""
