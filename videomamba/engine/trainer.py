"""The objects of one training run, and its loop."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator, skip_first_batches
from accelerate.utils import gather_object
from rich.console import Console
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from videomamba.data.splits import Splits
from videomamba.engine.checkpoint import (
    load_training_state,
    random_state,
    read_checkpoint,
    set_random_state,
    training_state,
    whole_weights,
    write_checkpoint,
)
from videomamba.engine.config import RunConfig
from videomamba.engine.data import batches, evaluation_loader, train_loader
from videomamba.engine.evaluation import evaluate
from videomamba.engine.interrupt import InterruptFlag
from videomamba.engine.mixing import Mixing
from videomamba.engine.nonfinite import first_nonfinite, first_nonfinite_gradient
from videomamba.engine.optim import make_optimizer, make_schedule
from videomamba.engine.progress import TrainProgress
from videomamba.engine.run_folder import RunFolder
from videomamba.engine.sharding import shard
from videomamba.errors import FieldError, UserError
from videomamba.models import PretrainedModel
from videomamba.tasks.task import Batch, Task

_CHECKPOINT_SECONDS, _EPOCH_SECONDS = 600, 60


class TrainingError(FieldError):
    """Training cannot go on; the message says at which step, and what to try."""


class TrainingInterrupted(KeyboardInterrupt):
    """Stopped on request, with the whole state saved.

    Attributes:
        folder: the run's.
        epoch: in which it stopped, from 1.
    """

    def __init__(self, folder: Path, epoch: int) -> None:
        super().__init__(f"stopped in epoch {epoch}; {folder} holds the whole state")
        self.folder = folder
        self.epoch = epoch


@dataclass(frozen=True)
class TrainResult:
    """What came out of a run.

    Attributes:
        folder: the run's.
        best, last: rows of its ``metrics.csv``.
        views: the test of the last weights with several views of each video; None without one.
        minutes: spent on it, in all sessions together.
    """

    folder: Path
    best: dict[str, Any]
    last: dict[str, Any]
    views: dict[str, Any] | None
    minutes: float


@dataclass
class Position:
    """How far a run is: what a checkpoint must know beside weights and optimiser.

    Attributes:
        epoch: the one at work, from 1.
        batch: batches of it that are done.
        step: steps of the optimiser since the start.
        lr: of the last batch.
        sums: of the epoch so far: loss, right answers, clips.
        rows: of ``metrics.csv``, one for each epoch that is over.
        best: the best of them.
        minutes: spent on the run before this session.
    """

    epoch: int = 1
    batch: int = 0
    step: int = 0
    lr: float = 0.0
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    rows: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Any] | None = None
    minutes: float = 0.0


OnStep = Callable[["Trainer", float], None]  # what is called after each batch, with its loss over all processes


class Trainer:
    """The objects of one run, and its loop."""

    def __init__(
        self,
        run: RunConfig,
        task: Task,
        splits: Splits,
        model: PretrainedModel,
        folder: RunFolder,
        accelerator: Accelerator,
        flag: InterruptFlag,
        *,
        on_step: OnStep | None = None,
    ) -> None:
        self.run, self.task, self.folder, self.accelerator, self.flag = run, task, folder, accelerator, flag
        self.on_step = on_step
        optim = run.optim
        train_batches = train_loader(task, splits.train, model.preprocessing, run)
        test_batches = evaluation_loader(
            task,
            splits.test,
            model.preprocessing,
            batch_size=optim.batch_size,
            workers=run.data.workers,
            in_memory=run.data.in_memory,
        )
        self.test_part = splits.test
        self.bare = model  # without what surrounds it in several processes
        if optim.compile:
            model.compile()
        if optim.fsdp:
            shard(model.to(accelerator.device), accelerator.device.type, accelerator.num_processes)
            optimizer = make_optimizer(model, optim)
            self.model: nn.Module = model
            self.optimizer = accelerator.prepare(optimizer)
        else:
            self.model, self.optimizer = accelerator.prepare(model, make_optimizer(model, optim))
        self.train_loader, self.test_loader = accelerator.prepare(train_batches, test_batches)
        self.ema = None if optim.ema is None else AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(optim.ema))
        self.steps_per_epoch = math.ceil(len(self.train_loader) / optim.accumulate)
        self.schedule = make_schedule(self.optimizer.optimizer, optim, self.steps_per_epoch)
        self.mixing = Mixing(optim.mixup, optim.cutmix, model.num_classes, label=task.mixed_label)
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
        load_training_state(self.bare, self.optimizer.optimizer, state)
        self.schedule.load_state_dict(state["schedule"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.at = Position(**state["position"])
        self.folder.set_rows(self.at.rows)
        set_random_state(state["random"][self.accelerator.process_index])
        return True

    def fit(self, console: Console) -> TrainResult:
        epochs = self.run.optim.epochs
        with TrainProgress(
            console,
            epochs=epochs,
            steps_per_epoch=len(self.train_loader),
            headline=self.task.headline,
            in_percent=self.task.in_percent,
            done=(self.at.epoch - 1) * len(self.train_loader) + self.at.batch,
        ) as progress:
            while self.at.epoch <= epochs:
                row = {**self._train_epoch(progress), **self._test(progress)}
                self._end_epoch(row)
                progress.epoch(row)
            views = self._test_with_views(progress)
        assert self.at.best is not None
        return TrainResult(self.folder.path, self.at.best, self.at.rows[-1], views, round(self._minutes(), 3))

    def _end_epoch(self, row: dict[str, Any]) -> None:
        headline, best = self.task.headline, self.at.best
        self.at.rows.append(row)
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(row["train_loss"])
        self.folder.set_rows(self.at.rows)
        self.accelerator.log({name: value for name, value in row.items() if name != "epoch"}, step=row["epoch"])
        if best is None or (row[headline], -row["test_loss"]) > (best[headline], -best["test_loss"]):
            self.at.best = row
            self._save(self.folder.best)
        self._save(self.folder.last)
        self.at.epoch, self.at.batch, self.at.sums = self.at.epoch + 1, 0, [0.0, 0.0, 0.0]
        if self.at.epoch > self.run.optim.epochs or self._seconds() > _EPOCH_SECONDS:
            self.checkpoint()

    def _train_epoch(self, progress: TrainProgress) -> dict[str, Any]:
        """The training videos that are left of the epoch; the first half of its row."""
        self.model.train()
        began, waited, seen = time.perf_counter(), 0.0, 0
        for batch, wait in self._timed_batches():
            self.at.lr = max(map(float, self.schedule.get_last_lr()))
            loss, right, count = self._batch(batch)
            waited, seen, self.at.batch = waited + wait, seen + count, self.at.batch + 1
            self.at.sums = [old + new for old, new in zip(self.at.sums, (loss * count, right, count), strict=True)]
            if self.on_step is not None:
                self.on_step(self, loss)
            progress.step(self._row(seen, waited, time.perf_counter() - began))
            if self.accelerator.sync_gradients:
                self._checkpoint_if_due()
                self.stop_if_asked()
        return self._row(seen, waited, time.perf_counter() - began)

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

    def _batch(self, batch: Batch) -> tuple[float, float, int]:
        """One batch forward and backward, and the optimiser's step where it is due: loss, right answers, clips."""
        mixed = self.mixing(batch)
        with self.accelerator.accumulate(self.model):
            with torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self.run.optim.bf16):
                outputs = self.task.outputs(self.model, mixed)
            loss = self.task.loss(outputs, mixed)
            value, right, count = self._over_processes(loss, self.task.correct(outputs, batch).sum(), len(outputs))
            if not math.isfinite(value):
                self._give_up(
                    f"the loss is {value}",
                    first_nonfinite(self.bare, mixed["video"], lambda: self.task.outputs(self.bare, mixed)),
                )
            self.accelerator.backward(loss)
            if self.accelerator.sync_gradients:
                self._clip_gradients()
            self.optimizer.step()
            if self.accelerator.sync_gradients:
                if isinstance(self.schedule, LambdaLR):
                    self.schedule.step()
                self.at.step += 1
                if self.ema is not None:
                    self.ema.update_parameters(self.bare)
            self.optimizer.zero_grad()
        return value, right, count

    def _clip_gradients(self) -> None:
        """Scales all gradients down to ``clip_grad``; looks at them first: a norm that is no number spoils all."""
        parameters = [p for p in self.model.parameters() if p.grad is not None]
        norm = nn.utils.get_total_norm([cast(Tensor, p.grad) for p in parameters])
        if isinstance(norm, DTensor):
            norm = norm.full_tensor()
        if not norm.isfinite():
            self._give_up("the gradient is not finite", first_nonfinite_gradient(self.bare))
        if self.run.optim.clip_grad is not None:
            nn.utils.clip_grads_with_norm_(parameters, self.run.optim.clip_grad, norm)

    def _over_processes(self, loss: Tensor, right: Tensor, count: int) -> tuple[float, float, int]:
        """The mean loss, and the sums of right answers and clips, of all processes."""
        own = torch.tensor([loss.detach() * count, right, count], dtype=torch.float64, device=loss.device)
        total = self.accelerator.reduce(own, "sum").tolist()
        return total[0] / total[2], total[1], round(total[2])

    def _give_up(self, what: str, where: str) -> None:
        there = any(self.folder.checkpoints.glob("step-*"))
        kept = f"{self.folder.checkpoints} keeps the state before" if there else "there is no checkpoint yet"
        again = ", perhaps with {start}" if self.folder.last.is_dir() else ""
        raise TrainingError(
            f"{what} at step {self.at.step + 1} (epoch {self.at.epoch}): {where}; {kept}: "
            f"begin a new run with a lower learning rate than {self.run.optim.lr}{again}",
            start=str(self.folder.last),
        )

    def _evaluate(self, loader: DataLoader, progress: TrainProgress) -> dict[str, Any]:
        """The report of the weights that are saved."""

        def on_batch(done: int, total: int) -> None:
            progress.testing(done, total)
            self.stop_if_asked()

        model = self.model if self.ema is None else self.ema
        return evaluate(model, self.task, loader, self.accelerator, on_batch=on_batch)

    def _test_with_views(self, progress: TrainProgress) -> dict[str, Any] | None:
        """The last weights' report with several views a video, where the run asks for them."""
        clips, crops = self.run.test_clips, self.run.test_crops
        if clips * crops == 1:
            return None
        loader = evaluation_loader(
            self.task,
            self.test_part,
            self.bare.preprocessing,
            batch_size=max(1, self.run.optim.batch_size // (clips * crops)),
            workers=self.run.data.workers,
            num_clips=clips,
            num_crops=crops,
        )
        report = self._evaluate(self.accelerator.prepare(loader), progress)
        return {"clips": clips, "crops": crops, **report}

    def _test(self, progress: TrainProgress) -> dict[str, Any]:
        """The second half of the epoch's row: the report's numbers."""
        report = self._evaluate(self.test_loader, progress)
        figures = {name: value for name, value in report.items() if isinstance(value, float) and name != "loss"}
        return {"test_loss": report["loss"], **figures}

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
        state = training_state(self.bare, self.optimizer.optimizer)
        state |= {
            "schedule": self.schedule.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
            "random": gather_object([random_state()]),
            "position": {**vars(self.at), "minutes": self._minutes()},
            "step": self.at.step,
        }
        if self.accelerator.is_main_process:
            write_checkpoint(self.folder.checkpoints, state, keep=self.run.keep_checkpoints)
        self.accelerator.wait_for_everyone()
        self._saved_at = time.monotonic()

    def _minutes(self) -> float:
        return self.at.minutes + (time.monotonic() - self._began) / 60

    def _seconds(self) -> float:
        return time.monotonic() - self._saved_at

    def _save(self, folder: Path) -> None:
        """The model that is tested, as a model folder."""
        source = self.bare if self.ema is None else cast(PretrainedModel, self.ema.module)
        weights = whole_weights(self.bare) if self.run.optim.fsdp else None
        if self.accelerator.is_main_process:
            self.folder.save(source, folder, weights)
        self.accelerator.wait_for_everyone()
