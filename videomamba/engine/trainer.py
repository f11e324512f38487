"""The loop of one training run."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, cast

import torch
from accelerate import Accelerator, skip_first_batches
from accelerate.utils import gather_object
from rich.console import Console

from videomamba.data.broken import SkipBroken
from videomamba.data.splits import Splits
from videomamba.engine.broken import BROKEN, BrokenFiles, broken_indices
from videomamba.engine.checkpoint import (
    has_checkpoint,
    random_state,
    read_checkpoint,
    set_random_state,
    whole_weights,
    write_checkpoint,
)
from videomamba.engine.config import RunConfig
from videomamba.engine.data import batches, train_loader
from videomamba.engine.interrupt import InterruptFlag
from videomamba.engine.learner import Learner, NotFinite
from videomamba.engine.position import Position
from videomamba.engine.progress import TrainProgress
from videomamba.engine.result import TrainingError, TrainingInterrupted, TrainResult
from videomamba.engine.run_folder import RunFolder
from videomamba.engine.testing import Tester
from videomamba.errors import UserError
from videomamba.models import PretrainedModel
from videomamba.tasks.task import Batch, Task

_CHECKPOINT_SECONDS, _EPOCH_SECONDS = 600, 60

OnStep = Callable[["Trainer", float], None]  # what is called after each batch, with its loss over all processes


class Trainer:
    """A run in progress: the learner, its position in the run, and the folder it is written to."""

    def __init__(
        self,
        run: RunConfig,
        task: Task,
        splits: Splits,
        model: PretrainedModel,
        folder: RunFolder,
        accelerator: Accelerator,
        flag: InterruptFlag,
        console: Console,
        *,
        on_step: OnStep | None = None,
    ) -> None:
        self.run, self.task, self.splits, self.folder = run, task, splits, folder
        self.accelerator, self.flag, self.console, self.on_step = accelerator, flag, console, on_step
        loader = train_loader(task, splits.train, model.preprocessing, run)
        self.train_loader = accelerator.prepare(loader)
        self.learner = Learner(model, run.optim, task, accelerator, batches_per_epoch=len(self.train_loader))
        speaking = console if accelerator.is_main_process else None
        self.broken = BrokenFiles(run.data.skip_broken, speaking, folder.path / BROKEN)
        self.at = Position()
        self._began = self._saved_at = time.monotonic()

    def resume(self) -> bool:
        """Goes to the newest checkpoint of the folder; False where there is none.

        Raises:
            UserError: a checkpoint that cannot be read, or of another number of processes.
        """
        state = read_checkpoint(self.folder.checkpoints)
        if state is None:
            return False
        if len(state["random"]) != self.accelerator.num_processes:
            raise UserError(
                f"{self.folder.path} was trained by {len(state['random'])} processes and cannot go on with "
                f"{self.accelerator.num_processes}"
            )
        self.learner.load_state(state)
        self.at = Position(**state["position"])
        self.folder.set_rows(self.at.rows)
        set_random_state(state["random"][self.accelerator.process_index])
        return True

    def fit(self) -> TrainResult:
        """Trains and tests all epochs that are left."""
        with self._progress() as progress:
            tester = Tester(
                self.run,
                self.task,
                self.splits,
                self.learner,
                self.accelerator,
                broken=self.broken,
                progress=progress,
                stop_if_asked=self.stop_if_asked,
            )
            while self.at.epoch <= self.run.optim.epochs:
                row = {**self._train_epoch(progress), **tester.figures()}
                self._end_epoch(row)
                progress.epoch(row)
            best, last = self.at.best, self.at.rows[-1]
            assert best is not None
            views = tester.with_views()
            chosen = self.splits.val is not None
            test = tester.best_and_last(self.folder.best, is_last=best["epoch"] == last["epoch"]) if chosen else None
        return TrainResult(self.folder.path, best, last, views, test, round(self._minutes(), 3))

    def _progress(self) -> TrainProgress:
        steps = len(self.train_loader)
        return TrainProgress(
            self.console,
            epochs=self.run.optim.epochs,
            steps_per_epoch=steps,
            headline=self.task.headline,
            in_percent=self.task.in_percent,
            done=(self.at.epoch - 1) * steps + self.at.batch,
            tested=self.splits.chosen_on,
        )

    def _end_epoch(self, row: dict[str, Any]) -> None:
        headline, best, loss = self.task.headline, self.at.best, f"{self.splits.chosen_on}_loss"
        self.at.rows.append(row)
        self.learner.end_epoch(row["train_loss"])
        self.folder.set_rows(self.at.rows)
        self.accelerator.log({name: value for name, value in row.items() if name != "epoch"}, step=row["epoch"])
        if best is None or (row[headline], -row[loss]) > (best[headline], -best[loss]):
            self.at.best = row
            self._save(self.folder.best)
        self._save(self.folder.last)
        self.at.epoch, self.at.batch, self.at.sums = self.at.epoch + 1, 0, [0.0, 0.0, 0.0]
        if self.at.epoch > self.run.optim.epochs or self._seconds() > _EPOCH_SECONDS:
            self.checkpoint()

    def _train_epoch(self, progress: TrainProgress) -> dict[str, Any]:
        """The training videos that are left of the epoch; the first half of its row."""
        self.learner.model.train()
        began, waited, seen = time.perf_counter(), 0.0, 0
        for batch, wait in self._timed_batches():
            loss, count = self._learn(self._without_broken(batch))
            waited, seen = waited + wait, seen + count
            if self.on_step is not None:
                self.on_step(self, loss)
            progress.step(self._row(seen, waited, time.perf_counter() - began))
            if self.accelerator.sync_gradients:
                self._checkpoint_if_due()
                self.stop_if_asked()
        return self._row(seen, waited, time.perf_counter() - began)

    def _learn(self, batch: Batch) -> tuple[float, int]:
        """One batch, counted: its loss and clips."""
        self.at.lr = self.learner.lr
        try:
            loss, right, count = self.learner.learn(batch)
        except NotFinite as error:
            self._give_up(*error.args)
        self.at.step += int(self.accelerator.sync_gradients)
        self.at.batch += 1
        self.at.sums = [old + new for old, new in zip(self.at.sums, (loss * count, right, count), strict=True)]
        return loss, count

    def _without_broken(self, batch: Batch) -> Batch:
        if "broken" not in batch:
            return batch
        dataset = cast(SkipBroken, self.train_loader.dataset)
        self.broken.met(dataset, self.splits.train, "train", broken_indices(batch, self.accelerator))
        return {name: value for name, value in batch.items() if name != "broken"}

    def _row(self, seen: int, waited: float, seconds: float) -> dict[str, Any]:
        """The epoch so far; ``seen`` clips in so many seconds, some of them ``waited`` for, since it was taken up."""
        loss_sum, correct, total = self.at.sums
        return {
            "epoch": self.at.epoch,
            "step": self.at.step,
            "lr": self.at.lr,
            "train_loss": loss_sum / total,
            f"train_{self.task.headline}": correct / total * (100 if self.task.in_percent else 1),
            "clips_per_second": seen / seconds,
            "data_wait": waited / seconds,
        }

    def _give_up(self, what: str, where: str) -> NoReturn:
        there = has_checkpoint(self.folder.checkpoints)
        kept = f"{self.folder.checkpoints} keeps the state before" if there else "there is no checkpoint yet"
        again = ", perhaps with {start}" if self.folder.last.is_dir() else ""
        raise TrainingError(
            f"{what} at step {self.at.step + 1} (epoch {self.at.epoch}): {where}; {kept}: "
            f"begin a new run with a lower learning rate than {self.run.optim.lr}{again}",
            start=str(self.folder.last),
        )

    def _timed_batches(self) -> Iterator[tuple[Batch, float]]:
        """The epoch's batches that are not done, with the seconds that each kept us waiting."""
        done = self.at.batch
        if done >= len(self.train_loader):
            return
        loader = skip_first_batches(self.train_loader, done) if done else self.train_loader
        loader.set_epoch(self.at.epoch - 1)  # else accelerate counts epochs from the start of this process
        stream = batches(loader)
        while True:
            began = time.perf_counter()
            batch = next(stream, None)
            if batch is None:
                return
            yield batch, time.perf_counter() - began

    def stop_if_asked(self) -> None:
        """Writes a checkpoint and ``last/`` and raises TrainingInterrupted, if a signal has asked for it."""
        asked = torch.tensor([float(self.flag.requested)], device=self.accelerator.device)
        if self.accelerator.reduce(asked, "sum").item():  # all processes or none
            self.checkpoint()
            self._save(self.folder.last)
            raise TrainingInterrupted(self.folder.path, self.at.epoch)

    def _checkpoint_if_due(self) -> None:
        steps = self.run.checkpoint_steps
        due = self._seconds() > _CHECKPOINT_SECONDS if steps is None else self.at.step % steps == 0
        if self.accelerator.num_processes > 1 and steps is None:  # clocks differ
            due = bool(self.accelerator.reduce(torch.tensor([float(due)]).to(self.accelerator.device), "sum").item())
        if due:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Writes all that :meth:`resume` needs."""
        state = {
            **self.learner.state(),
            "random": gather_object([random_state()]),
            "position": {**vars(self.at), "minutes": self._minutes()},
            "step": self.at.step,
        }
        if self.accelerator.is_main_process:
            write_checkpoint(self.folder.checkpoints, state)
        self.accelerator.wait_for_everyone()
        self._saved_at = time.monotonic()

    def _minutes(self) -> float:
        return self.at.minutes + (time.monotonic() - self._began) / 60

    def _seconds(self) -> float:
        return time.monotonic() - self._saved_at

    def _save(self, folder: Path) -> None:
        """The model that is tested, as a model folder."""
        weights = whole_weights(self.learner.bare) if self.run.optim.fsdp else None
        if self.accelerator.is_main_process:
            self.folder.save(self.learner.saved, folder, weights)
        self.accelerator.wait_for_everyone()
