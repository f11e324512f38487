"""The progress of a training run: a bar on a terminal, elsewhere one line per epoch."""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text


class _Bar(Progress):
    """The bar with a line of figures under it: both fit a terminal of 80 columns."""

    figures = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        yield Text(self.figures, no_wrap=True, overflow="ellipsis")


class TrainProgress:
    """A context manager; the bar lives inside.

    Args:
        console: where to write; standard error in the command line.
        epochs: of the run.
        steps_per_epoch: batches of one.
        headline: name of the figure that is followed live.
        in_percent: it is a percentage already, not a share of 1.
        done: steps that an earlier session made.
        tested: name of the part that is tested after each epoch.
    """

    def __init__(
        self,
        console: Console,
        *,
        epochs: int,
        steps_per_epoch: int,
        headline: str,
        in_percent: bool = False,
        done: int = 0,
        tested: str = "test",
    ) -> None:
        self._console = console
        self._epochs = epochs
        self._headline = headline
        self._whole = 100 if in_percent else 1
        self._tested, self._part = "", tested
        self._bar = _Bar(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("steps, left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            expand=True,
            disable=not console.is_terminal,
        )
        self._steps = self._bar.add_task("", total=epochs * steps_per_epoch, completed=done, epoch=f"1/{epochs}")

    def step(self, row: Mapping[str, Any]) -> None:
        """One training batch is done; ``row`` is the epoch's row of ``metrics.csv`` so far."""
        self._bar.figures = self._figures(row)
        self._bar.update(self._steps, advance=1, epoch=f"{row['epoch']}/{self._epochs}")

    def testing(self, done: int, total: int) -> None:
        """Batch ``done`` of ``total`` of the test."""
        self._bar.figures = f"testing {done}/{total}{self._tested}"

    def epoch(self, row: Mapping[str, Any]) -> None:
        """An epoch is over; ``row`` is its whole row of ``metrics.csv``."""
        self._tested = f" {self._part} {_percent(row[self._headline] / self._whole)}"
        line = f"epoch {row['epoch']:>3}/{self._epochs}  {self._figures(row)}"
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)

    def _figures(self, row: Mapping[str, Any]) -> str:
        trained = _percent(row[f"train_{self._headline}"] / self._whole)
        return (
            f"loss {row['train_loss']:.3f}  {self._headline} {trained}{self._tested}  "
            f"lr {row['lr']:.1e}  {row['clips_per_second']:.1f} clips/s  data wait {_percent(row['data_wait'])}"
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
