"""Many runs that differ in variant, seed or fold: which there are, and which exist already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from videomamba.data.splits import Splits
from videomamba.engine import RunConfig, load_splits
from videomamba.engine.model import describe_model, read_start
from videomamba.engine.run_folder import RunFolder, facts_of, identity, identity_of
from videomamba.models import PretrainedModel
from videomamba.models.weights.checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class Cell:
    """One run of a grid.

    Attributes:
        run: whose ``output`` is the cell's folder.
        seed: of the run.
        variant: name of what is varied; empty where there is one only.
        fold: name of its test part; empty where there is one only.
    """

    run: RunConfig
    seed: int
    variant: str = ""
    fold: str = ""

    @property
    def folder(self) -> RunFolder:
        assert self.run.output is not None
        return RunFolder(self.run.output)

    def __str__(self) -> str:
        parts = (self.variant, f"seed {self.seed}", f"fold {self.fold}" if self.fold else "")
        return ", ".join(part for part in parts if part)


@dataclass
class Grid:
    """Cells in the order in which they are made, and what is read once for all of them."""

    cells: Sequence[Cell]
    _starts: dict[str | None, Checkpoint | None] = field(default_factory=dict)
    _splits: dict[tuple[int, str], Splits] = field(default_factory=dict)

    def start(self, cell: Cell) -> Checkpoint | None:
        """The checkpoint that a cell's run begins from."""
        name = cell.run.model.start
        if name not in self._starts or name is None:
            self._starts[name] = read_start(cell.run)
        return self._starts[name]

    def splits(self, cell: Cell) -> Splits:
        """The videos of a cell's run."""
        key = (cell.seed, cell.fold)
        if key not in self._splits:
            self._splits[key] = load_splits(cell.run.data, seed=cell.seed)
        return self._splits[key]

    def model(self, cell: Cell) -> PretrainedModel:
        """A cell's model, on the meta device."""
        return describe_model(cell.run, self.start(cell), **self.splits(cell).train.model_options)

    def find(self, elsewhere: Sequence[RunFolder] = ()) -> dict[Cell, RunFolder | None]:
        """The finished run of each cell, in its own folder or among others; None where it is still to be made.

        Raises:
            UserError: a run that cannot work, or a cell's folder that holds another run.
        """
        others = [(identity(other.config()), other) for other in elsewhere]
        found: dict[Cell, RunFolder | None] = {}
        for cell in self.cells:
            facts = facts_of(self.model(cell))  # finds what cannot work before hours are spent
            made, wanted = self.made(cell, facts), identity_of(cell.run, facts)
            same = [other for theirs, other in others if theirs == wanted]
            found[cell] = made or next(iter(same), None)
        return found

    def made(self, cell: Cell, facts: Mapping[str, Any]) -> RunFolder | None:
        """The finished run in a cell's own folder; None where it is still to be made.

        Args:
            cell: the run.
            facts: of its model, as :func:`videomamba.engine.run_folder.facts_of` gives them.

        Raises:
            UserError: the folder holds another run.
        """
        if cell.folder.begun:
            cell.folder.check_config(cell.run, facts)
            cell.folder.check_splits(self.splits(cell), cell.run.data.root)
        return cell.folder if cell.folder.over else None
