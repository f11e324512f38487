"""What the command line changes of a recipe."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from videomamba.cli.options import default_workers

if TYPE_CHECKING:
    from videomamba.engine import RunConfig


def overridden(
    run: "RunConfig",
    *,
    split: str | None = None,
    hold_out: str | None = None,
    layout: str | None = None,
    fold: int | None = None,
    frames: int | None = None,
    stride: int | Literal["uniform"] | None = None,
    size: int | tuple[int, int] | None = None,
    flip: bool | None = None,
    workers: int | None = None,
    in_memory: bool = False,
    model: str | None = None,
    start: str | None = None,
    freeze: int | Literal["backbone"] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    bf16: bool = False,
    grad_checkpointing: bool = False,
    compile: bool = False,
    fsdp: bool = False,
    **optim: Any,
) -> "RunConfig":
    """The run with what the command line says; None and False are not given. ``optim``: fields of OptimConfig."""
    from videomamba.tasks.catalogue import task_model

    return dataclasses.replace(
        run,
        data=_changed(
            run.data,
            split=None if split is None else Path(split),
            hold_out=hold_out,
            layout=layout,
            fold=fold,
            num_frames=frames,
            stride=stride,
            size=size,
            augmentation=_changed(run.data.augmentation, flip=flip),
            workers=default_workers() if workers is None else workers,
            in_memory=in_memory or None,
        ),
        model=_changed(run.model, name=task_model(run.task, model), start=start, freeze=freeze),
        optim=_changed(
            run.optim if batch_size is None else dataclasses.replace(run.optim, total_batch=None),
            epochs=epochs,
            min_steps=None if epochs is None else 0,
            batch_size=batch_size,
            lr=lr,
            bf16=bf16 or None,
            grad_checkpointing=grad_checkpointing or None,
            compile=compile or None,
            fsdp=fsdp or None,
            **optim,
        ),
    )


def _changed(config: Any, **values: Any) -> Any:
    return dataclasses.replace(config, **{name: value for name, value in values.items() if value is not None})
