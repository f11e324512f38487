"""The tests of a run: after each epoch on the part that chooses the best, and on the test part at the end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from accelerate import Accelerator
from torch.utils.data import DataLoader

from videomamba.data.broken import SkipBroken
from videomamba.data.splits import Splits
from videomamba.engine.broken import BrokenFiles
from videomamba.engine.checkpoint import load_weights, whole_weights
from videomamba.engine.config import RunConfig
from videomamba.engine.data import evaluation_loader
from videomamba.engine.evaluation import evaluate
from videomamba.engine.learner import Learner
from videomamba.engine.progress import TrainProgress
from videomamba.models.weights.folder import WEIGHTS, read_safetensors
from videomamba.tasks.task import Task


class Tester:
    """Tests the weights that are saved.

    Args:
        run, task, splits: what to test, and how.
        learner: whose weights.
        accelerator: joins processes.
        broken: told of test videos that cannot be read.
        progress: told how far a test is.
        stop_if_asked: called after each batch; may raise.
    """

    def __init__(
        self,
        run: RunConfig,
        task: Task,
        splits: Splits,
        learner: Learner,
        accelerator: Accelerator,
        *,
        broken: BrokenFiles,
        progress: TrainProgress,
        stop_if_asked: Callable[[], None],
    ) -> None:
        self.run, self.task, self.splits, self.learner, self.accelerator = run, task, splits, learner, accelerator
        self.broken, self.progress, self.stop_if_asked = broken, progress, stop_if_asked
        self.each_epoch = self._loader(splits.chosen_on, in_memory=run.data.in_memory)

    def figures(self) -> dict[str, Any]:
        """An epoch's test as columns of ``metrics.csv``: the report's numbers."""
        part = self.splits.chosen_on
        report = self._evaluate(part, self.each_epoch)
        figures = {name: value for name, value in report.items() if isinstance(value, float) and name != "loss"}
        return {f"{part}_loss": report["loss"], **figures}

    def best_and_last(self, best: Path, *, is_last: bool) -> dict[str, Any]:
        """The reports of the best and the last weights on the test part.

        Args:
            best: the model folder of the best epoch.
            is_last: the best epoch is the last one.
        """
        loader = self._loader("test")
        last = self._evaluate("test", loader)
        if is_last:
            return {"best": last, "last": last}
        model = self.learner.saved
        kept = {name: value.clone() for name, value in whole_weights(model).items()}
        load_weights(model, read_safetensors(best / WEIGHTS))
        try:  # a checkpoint written now would have the wrong weights
            report = self._evaluate("test", loader, may_stop=False)
        finally:
            load_weights(model, kept)
        self.stop_if_asked()
        return {"best": report, "last": last}

    def with_views(self) -> dict[str, Any] | None:
        """The last weights' report with several views per video, where the run asks for them."""
        clips, crops = self.run.test_clips, self.run.test_crops
        if clips * crops == 1:
            return None
        report = self._evaluate("test", self._loader("test", clips=clips, crops=crops))
        return {"clips": clips, "crops": crops, **report}

    def _loader(self, part: str, *, clips: int = 1, crops: int = 1, in_memory: bool = False) -> DataLoader:
        loader = evaluation_loader(
            self.task,
            self.splits[part],
            self.learner.bare.preprocessing,
            batch_size=max(1, self.run.optim.batch_size // (clips * crops)),
            workers=self.run.data.workers,
            num_clips=clips,
            num_crops=crops,
            in_memory=in_memory,
            skip_broken=self.run.data.skip_broken > 0,
        )
        return cast(DataLoader, self.accelerator.prepare(loader))

    def _evaluate(self, part: str, loader: DataLoader, *, may_stop: bool = True) -> dict[str, Any]:
        def on_batch(done: int, total: int) -> None:
            self.progress.testing(done, total)
            if may_stop:
                self.stop_if_asked()

        def on_broken(indices: list[int]) -> None:
            self.broken.met(cast(SkipBroken, loader.dataset), self.splits[part], part, indices)

        return evaluate(
            self.learner.tested, self.task, loader, self.accelerator, on_batch=on_batch, on_broken=on_broken
        )
