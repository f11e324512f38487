"""A run that people name: a function that returns its configuration, with options, beside the published figure."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videomamba.engine.config import RunConfig


@dataclass(frozen=True)
class Recipe:
    """A function of this package with some of its options set; called with the data's folder, or None for its default.

    Attributes:
        name: that people type.
        make: the function; its docstring has the command, the data's layout, figures and choices.
        options: its keyword arguments.
        figure: that was published, in percent.
        where: it was published.
        metric: what the figure is.
    """

    name: str
    make: Callable[..., RunConfig]
    options: Mapping[str, Any] = field(default_factory=dict)
    figure: float | None = None
    where: str | None = None
    metric: str = "top-1"

    def __post_init__(self) -> None:
        object.__setattr__(self, "__doc__", self.make.__doc__)

    def __call__(self, data: Path | None = None) -> RunConfig:
        return dataclasses.replace(self.make(data, **self.options), name=self.name)
