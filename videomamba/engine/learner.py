"""The learner: model, optimiser, learning rate and moving average, and one training step through them."""

import math
import warnings
from typing import Any, cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from videomamba.engine.checkpoint import load_training_state, training_state
from videomamba.engine.config import OptimConfig
from videomamba.engine.mixing import Mixing
from videomamba.engine.nonfinite import first_nonfinite, first_nonfinite_gradient
from videomamba.engine.optim import make_optimizer, make_schedule
from videomamba.engine.sharding import shard
from videomamba.machine import bf16_products
from videomamba.models import PretrainedModel
from videomamba.notes import UserNote
from videomamba.tasks.task import Batch, Task


class NotFinite(Exception):
    """A loss or gradient that is not finite; the message says which, and where it comes from."""


class Learner:
    """A model and what changes its weights.

    Attributes:
        bare: the model without what surrounds it in several processes.
        model: the one that is trained.
        ema: the moving average of its weights, which is then what is tested and saved; None without one.
        bf16: whether the loss is computed under bfloat16 autocast: asked for, and faster than float32 here.
    """

    def __init__(
        self,
        model: PretrainedModel,
        optim: OptimConfig,
        task: Task,
        accelerator: Accelerator,
        *,
        batches_per_epoch: int,
    ) -> None:
        self.optim, self.task, self.accelerator, self.bare = optim, task, accelerator, model
        self.bf16 = optim.bf16 and _has_bf16(accelerator.device)
        if optim.compile:
            model.compile()
        if optim.fsdp:
            shard(model.to(accelerator.device), accelerator.device.type, accelerator.num_processes)
            optimizer = make_optimizer(model, optim)
            self.model: nn.Module = model
            self.optimizer = accelerator.prepare(optimizer)
        else:
            self.model, self.optimizer = accelerator.prepare(model, make_optimizer(model, optim))
        self.ema = None if optim.ema is None else AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(optim.ema))
        steps_per_epoch = math.ceil(batches_per_epoch / optim.accumulate)
        self.schedule = make_schedule(self.optimizer.optimizer, optim, steps_per_epoch)
        self.mixing = Mixing(optim.mixup, optim.cutmix, model.num_classes, label=task.mixed_label)

    @property
    def tested(self) -> nn.Module:
        """What answers in tests, as it is called."""
        return self.model if self.ema is None else self.ema

    @property
    def saved(self) -> PretrainedModel:
        """The model whose weights are tested and saved."""
        return self.bare if self.ema is None else cast(PretrainedModel, self.ema.module)

    @property
    def lr(self) -> float:
        """The largest of the groups'."""
        return max(map(float, self.schedule.get_last_lr()))

    def learn(self, batch: Batch) -> tuple[float, float, int]:
        """One batch forward and backward, and the optimiser's step where it is due.

        Returns:
            The mean loss, and the sums of right answers and clips, of all processes.

        Raises:
            NotFinite: the loss or the gradient is not finite.
        """
        mixed = self.mixing(batch)
        with self.accelerator.accumulate(self.model):
            with torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self.bf16):
                outputs = self.task.outputs(self.model, mixed)
            loss = self.task.loss(outputs, mixed)
            value, right, count = self._over_processes(loss, self.task.correct(outputs, batch).sum(), len(outputs))
            if not math.isfinite(value):
                where = first_nonfinite(self.bare, mixed["video"], lambda: self.task.outputs(self.bare, mixed))
                raise NotFinite(f"the loss is {value}", where)
            self.accelerator.backward(loss)
            if self.accelerator.sync_gradients:
                self._clip_gradients()
            self.optimizer.step()
            if self.accelerator.sync_gradients:
                self._after_step()
            self.optimizer.zero_grad()
        return value, right, count

    def end_epoch(self, train_loss: float) -> None:
        """Tells a schedule that looks at the loss."""
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(train_loss)

    def state(self) -> dict[str, Any]:
        """All that :meth:`load_state` needs, gathered from all processes."""
        return {
            **training_state(self.bare, self.optimizer.optimizer),
            "schedule": self.schedule.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Puts back what :meth:`state` gave."""
        load_training_state(self.bare, self.optimizer.optimizer, state)
        self.schedule.load_state_dict(state["schedule"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])

    def _after_step(self) -> None:
        if isinstance(self.schedule, LambdaLR):
            self.schedule.step()
        if self.ema is not None:
            self.ema.update_parameters(self.bare)

    def _clip_gradients(self) -> None:
        """Scales all gradients down to ``clip_grad``; checks first: a norm that is not finite would make all NaN."""
        parameters = [p for p in self.model.parameters() if p.grad is not None]
        norm = nn.utils.get_total_norm([cast(Tensor, p.grad) for p in parameters])
        if isinstance(norm, DTensor):
            norm = norm.full_tensor()
        if not norm.isfinite():
            raise NotFinite("the gradient is not finite", first_nonfinite_gradient(self.bare))
        if self.optim.clip_grad is not None:
            nn.utils.clip_grads_with_norm_(parameters, self.optim.clip_grad, norm)

    def _over_processes(self, loss: Tensor, right: Tensor, count: int) -> tuple[float, float, int]:
        exact = torch.float32 if loss.device.type == "mps" else torch.float64  # Apple's GPUs have no float64
        own = torch.tensor([loss.detach() * count, right, count], dtype=exact, device=loss.device)
        total = self.accelerator.reduce(own, "sum").tolist()
        return total[0] / total[2], total[1], round(total[2])


def _has_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 there; a note says where it is not."""
    pays, reason = bf16_products(device)
    if not pays:
        warnings.warn(f"bf16 has no effect, training stays in float32: {reason}", UserNote, stacklevel=2)
    return pays
