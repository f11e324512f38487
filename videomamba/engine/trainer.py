"""The objects of one training run, and its loop."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from rich.console import Console
from torch import Tensor

from videomamba.engine.config import RunConfig
from videomamba.engine.data import Splits, batches, evaluation_loader, train_loader
from videomamba.engine.evaluate import evaluate
from videomamba.engine.interrupt import InterruptFlag
from videomamba.engine.optim import make_optimizer, make_schedule
from videomamba.engine.progress import TrainProgress
from videomamba.engine.run_folder import RunFolder
from videomamba.models import VideoMamba
from videomamba.tasks.task import Batch, Task


class TrainingError(ValueError):
    """Training cannot go on; the message says at which step, and what to try."""


class TrainingInterrupted(KeyboardInterrupt):
    """Stopped on request, with the weights saved.

    Attributes:
        folder: the run's.
        epoch: in which it stopped, from 1.
    """

    def __init__(self, folder: Path, epoch: int) -> None:
        super().__init__(f"stopped in epoch {epoch}; {folder / 'last'} holds the weights")
        self.folder = folder
        self.epoch = epoch


@dataclass(frozen=True)
class TrainResult:
    """Where a run lies, and the rows of its ``metrics.csv`` for the best and the last epoch."""

    folder: Path
    best: dict[str, Any]
    last: dict[str, Any]


class Trainer:
    """The objects of one run, and its loop."""

    def __init__(
        self,
        run: RunConfig,
        task: Task,
        splits: Splits,
        model: VideoMamba,
        folder: RunFolder,
        accelerator: Accelerator,
        flag: InterruptFlag,
    ) -> None:
        self.run, self.task, self.folder, self.accelerator, self.flag = run, task, folder, accelerator, flag
        batch_size, workers = run.optim.batch_size, run.data.workers
        train_batches = train_loader(splits["train"].records, model.preprocessing, run)
        test_batches = evaluation_loader(
            splits["test"].records, model.preprocessing, batch_size=batch_size, workers=workers
        )
        self.model, self.optimizer, self.train_loader, self.test_loader = accelerator.prepare(
            model, make_optimizer(model, run.optim), train_batches, test_batches
        )
        self.schedule = make_schedule(self.optimizer.optimizer, run.optim, len(self.train_loader))
        self.epoch = self.step = 0

    def fit(self, console: Console) -> TrainResult:
        epochs, headline = self.run.optim.epochs, self.task.headline
        best: dict[str, Any] | None = None
        with TrainProgress(
            console, epochs=epochs, steps_per_epoch=len(self.train_loader), headline=headline
        ) as progress:
            for self.epoch in range(1, epochs + 1):
                row = {**self._train_epoch(progress), **self._test(progress)}
                self.folder.add_row(row)
                self.accelerator.log({name: value for name, value in row.items() if name != "epoch"}, step=self.epoch)
                progress.epoch(row)
                if best is None or (row[headline], -row["test_loss"]) > (best[headline], -best["test_loss"]):
                    best = row
                    self._save(self.folder.best)
                self._save(self.folder.last)
        assert best is not None
        return TrainResult(self.folder.path, best, row)

    def _train_epoch(self, progress: TrainProgress) -> dict[str, Any]:
        """Every training video once; the first half of the epoch's row."""
        self.model.train()
        self.train_loader.dataset.set_epoch(self.epoch)
        began, waited = time.perf_counter(), 0.0
        loss_sum = correct = count = 0.0
        for batch, wait in self._timed_batches():
            lr = max(self.schedule.get_last_lr())
            loss, outputs = self._step(batch)
            waited += wait
            loss_sum += loss * len(outputs)
            correct += self.task.correct(outputs, batch).sum().item()
            count += len(outputs)
            seconds = time.perf_counter() - began
            row = {
                "epoch": self.epoch,
                "step": self.step,
                "lr": lr,
                "train_loss": loss_sum / count,
                f"train_{self.task.headline}": correct / count,
                "clips_per_second": count / seconds,
                "data_wait": waited / seconds,
            }
            progress.step(row)
            self.stop_if_asked()
        return row

    def _step(self, batch: Batch) -> tuple[float, Tensor]:
        with torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self.run.optim.bf16):
            outputs = self.model(batch["video"])
        loss = self.task.loss(outputs, batch)
        value = loss.item()
        self.step += 1
        if not math.isfinite(value):
            before = self.epoch - 1
            kept = f"the checkpoints of epoch {before} stay" if before else "there is no checkpoint yet"
            raise TrainingError(
                f"the loss is {value} at step {self.step} (epoch {self.epoch}); {kept}: "
                f"try a lower learning rate than {self.run.optim.lr}"
            )
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.model.parameters(), self.run.optim.clip_grad)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()
        return value, outputs.detach()

    def _test(self, progress: TrainProgress) -> dict[str, Any]:
        """The second half of the epoch's row: the report's numbers."""

        def on_batch(done: int, total: int) -> None:
            progress.testing(done, total)
            self.stop_if_asked()

        report = evaluate(self.model, self.task, self.test_loader, self.accelerator, on_batch=on_batch)
        figures = {name: value for name, value in report.items() if isinstance(value, float) and name != "loss"}
        return {"test_loss": report["loss"], **figures}

    def _timed_batches(self) -> Iterator[tuple[Batch, float]]:
        """Batches with the seconds that each kept us waiting."""
        loader = batches(self.train_loader)
        while True:
            began = time.perf_counter()
            batch = next(loader, None)
            if batch is None:
                return
            yield batch, time.perf_counter() - began

    def stop_if_asked(self) -> None:
        """Writes ``last/`` and raises TrainingInterrupted, if a signal has asked for it."""
        if self.flag.requested:
            self._save(self.folder.last)
            raise TrainingInterrupted(self.folder.path, self.epoch)

    def _save(self, folder: Path) -> None:
        self.folder.save(self.accelerator.unwrap_model(self.model), folder)
