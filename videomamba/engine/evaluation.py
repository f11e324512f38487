"""Evaluation of a model on a set of videos."""

from collections.abc import Callable
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader

from videomamba.data.errors import VideoError
from videomamba.data.loader import loader_failures
from videomamba.engine.data import batches
from videomamba.tasks.task import Change, Task


@loader_failures()
@torch.inference_mode()
def evaluate(
    model: nn.Module,
    task: Task,
    loader: DataLoader,
    accelerator: Accelerator,
    *,
    change: Change | None = None,
    on_batch: Callable[[int, int], None] | None = None,
    on_broken: Callable[[list[int]], None] | None = None,
) -> dict[str, Any]:
    """The task's report over all of the loader's samples, each counted once, with ``loss`` (mean per sample) added.

    Args:
        model: on the accelerator's device; left in the mode it was in.
        task: what the outputs mean.
        loader: batches with one view a sample, ``video`` (B, 3, T, H, W), or several, (B, V, 3, T, H, W).
        accelerator: brings batches to the device and joins processes.
        change: applied to each batch of videos (B * V, 3, T, H, W) first, such as a shuffle of frames.
        on_broken: called with the indices of samples that could not be read and do not count, where the loader skips
            them; may raise to stop.
        on_batch: called with batches done and batches in all; may raise to stop.

    Raises:
        VideoError: no sample could be read.
    """
    metrics = task.metrics()
    losses, count = 0.0, 0
    training = model.training
    model.eval()
    try:
        for done, batch in enumerate(batches(loader), start=1):
            batch = {name: value.to(accelerator.device) for name, value in batch.items()}
            outputs = task.test_outputs(model, batch, change)
            joined = outputs[:, 0] if outputs.shape[1] == 1 else outputs.float().mean(1)
            own = (task.scores(outputs), joined, _targets(batch))
            if accelerator.num_processes > 1:  # sequences may be longer in one process than in another
                own = accelerator.pad_across_processes(own, dim=-1, pad_index=-1)
            scores, joined, kept = accelerator.gather_for_metrics(own)
            if "broken" in kept:
                broken = kept.pop("broken")
                if on_broken is not None and broken.any():
                    on_broken(kept["index"][broken].tolist())
                scores, joined = scores[~broken], joined[~broken]
                kept = {name: value[~broken] for name, value in kept.items()}
            if len(scores):
                metrics.update(scores, kept)
                losses, count = losses + task.loss(joined, kept).item() * len(scores), count + len(scores)
            if on_batch is not None:
                on_batch(done, len(loader))
    finally:
        model.train(training)
    if not count:
        raise VideoError("no video of this part can be read")
    return {"loss": losses / count, **metrics.report()}


def _targets(batch: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in batch.items() if name != "video"}
