"""What a run trains and tests on: the parts of a data set, whatever its layout."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class Part(Protocol):
    """Annotated samples of one part, such as videos; each layout's reader gives a class of its own.

    Attributes:
        records: the samples; each has a ``path``.
        class_names: of the labels, in order.
    """

    records: tuple[Any, ...]
    class_names: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on this part for people, one line each."""
        return ()

    @property
    def published(self) -> int | None:
        """Samples of the part as published; None where that is not known."""
        return None

    @property
    def model_options(self) -> Mapping[str, Any]:
        """Fields of a model's configuration that these data decide."""
        return {}

    def __len__(self) -> int:
        return len(self.records)

    @abstractmethod
    def rows(self, root: Path) -> list[dict[str, str]]:
        """What ``splits.csv`` says of each sample; paths are relative to ``root`` where they lie below it."""


@dataclass(frozen=True)
class Splits:
    """The parts of a data set.

    Attributes:
        train: to train on.
        test: held out.
        val: held out too, to choose the best epoch by; None where ``test`` does.
    """

    train: Part
    test: Part
    val: Part | None = None

    @property
    def chosen_on(self) -> str:
        """The part that chooses the best epoch."""
        return "test" if self.val is None else "val"

    def __getitem__(self, name: str) -> Part:
        return dict(self.items())[name]

    def items(self) -> Iterator[tuple[str, Part]]:
        """Name and part of all that are there."""
        parts = {"train": self.train, "val": self.val, "test": self.test}
        return ((name, part) for name, part in parts.items() if part is not None)
