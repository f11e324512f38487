"""A named run: a function that returns its configuration, its options, and the published figures."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videomamba.engine.config import RunConfig
from videomamba.recipes.paper import STARTS, Published


@dataclass(frozen=True)
class Recipe:
    """A function of this package with some of its options set; called with the data's folder, or None for its default.

    Attributes:
        name: at the command line.
        make: the function; its docstring has the data's layout and the choices.
        options: its keyword arguments.
        published: figures of this run, if there are any.
    """

    name: str
    make: Callable[..., RunConfig]
    options: Mapping[str, Any] = field(default_factory=dict)
    published: Published | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "__doc__", self.make.__doc__)

    def __call__(self, data: Path | None = None) -> RunConfig:
        return dataclasses.replace(self.make(data, **self.options), name=self.name)

    @property
    def begins_from(self) -> str:
        """``ImageNet-1K``, ``Kinetics-400`` or ``scratch``."""
        return STARTS[self.options.get("start", "scratch")]

    @property
    def command(self) -> str:
        """The command line that makes the run."""
        start = "" if self.begins_from == "scratch" else " --start CHECKPOINT"
        return f"videomamba train {self.name} DIR{start}"
