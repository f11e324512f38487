"""Videos of your own, in one folder per class."""

from pathlib import Path

from videomamba.data import Augmentation
from videomamba.engine.config import DataConfig, ModelChoice, OptimConfig, RunConfig


def folder(data: Path, *, start: str | None = None) -> RunConfig:
    """A small model from scratch, or a checkpoint fine-tuned.

    Command: ``videomamba train DIR`` or ``videomamba train DIR --start CHECKPOINT``. The clip is taken evenly from the
    video; with a checkpoint, its frames, stride and size are kept. For results on other data see
    docs/paper/small_data.md.
    """
    name = data.resolve().name
    if start is None:
        return small_model(name, DataConfig(root=data))
    return RunConfig(
        name=name,
        data=DataConfig(root=data, augmentation=Augmentation(scale=(0.7, 1.0), rand_ops=1, rand_magnitude=5 / 3)),
        model=ModelChoice(start=start),
        optim=OptimConfig(epochs=15, min_steps=500, lr=5e-4, warmup_epochs=2),
    )


def small_model(name: str, data: DataConfig) -> RunConfig:
    """The small model from scratch, for hundreds or thousands of clips; docs/paper/small_data.md compares settings."""
    return RunConfig(name=name, data=data, model=ModelChoice(name="videomamba_nano"), optim=OptimConfig(min_steps=1000))
