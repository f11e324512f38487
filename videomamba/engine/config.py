"""A training run as frozen data: what a recipe returns, and what the run's ``config.json`` keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from videomamba.data.datasets import FOLDS, LAYOUTS, SEGMENTATION_LAYOUTS
from videomamba.data.synthetic import Synthetic
from videomamba.data.transforms import Augmentation
from videomamba.errors import UserError
from videomamba.models.fit import Inflation

Stride = int | Literal["uniform"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise UserError(f"{name}={value}; it must be at least {least}")


@dataclass(frozen=True)
class DataConfig:
    """Videos, their split, and how a clip is taken from one.

    Attributes:
        root: folder of the videos.
        layout: how they are annotated: ``folder`` (with ``split``: a csv file), or a name of
            :data:`videomamba.data.datasets.LAYOUTS`.
        options: of the layout's reader, such as AVA's ``keyframes``.
        fold: which of a layout's published splits, from 1; None is its only one, or the first.
        split: csv file with columns path, label and, unless ``hold_out`` names another, split.
        hold_out: ``COLUMN=VALUE,...`` of that csv: the test videos.
        synthetic: rendered into ``root`` first.
        num_frames: of a clip; None is the model's own.
        stride: source frames from one to the next, or ``uniform``: evenly over the whole video; None as above.
        size: of a frame in pixels, one number or height and width; None is the model's own.
        augmentation: of training clips.
        workers: processes that read videos; 0 reads between the steps.
        leave_out: csv file with a column path: videos that are left out, such as `videomamba check --csv` lists.
        skip_broken: how many files may turn out to be broken; in training others stand in for them, tests count the
            rest.
        in_memory: decode each video once and keep it, in each of these processes; for small sets.
    """

    root: Path
    layout: str = "folder"
    options: Mapping[str, Any] = field(default_factory=dict)
    fold: int | None = None
    split: Path | None = None
    hold_out: str | None = None
    synthetic: Synthetic | None = None
    num_frames: int | None = None
    stride: Stride | None = None
    size: int | tuple[int, int] | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    workers: int = 1
    in_memory: bool = False
    leave_out: Path | None = None
    skip_broken: int = 0

    def __post_init__(self) -> None:
        _at_least("skip_broken", self.skip_broken, 0)
        if self.hold_out is not None and self.split is None:
            raise UserError(f"hold_out={self.hold_out!r} needs split, the csv file that has the column")
        if self.options and self.layout not in ("ava", *SEGMENTATION_LAYOUTS):
            raise UserError(f"layout {self.layout!r} has no options; {', '.join(self.options)} given")
        if self.layout != "folder" and self.layout not in LAYOUTS:
            raise UserError(f"unknown layout {self.layout!r}; choose one of {', '.join(['folder', *LAYOUTS])}")
        if self.layout != "folder" and self.split is not None:
            raise UserError(f"data in the layout {self.layout!r} brings its own split; a csv's is for layout 'folder'")
        folds = FOLDS.get(self.layout, 1)
        if self.fold is not None and not 1 <= self.fold <= folds:
            have = f"has splits 1 to {folds}" if folds > 1 else "has one split"
            raise UserError(f"fold={self.fold}: data in the layout {self.layout!r} {have}")
        if self.stride is not None and self.stride != "uniform":
            _at_least("stride", self.stride, 1)
        if self.num_frames is not None:
            _at_least("num_frames", self.num_frames, 1)
        _at_least("workers", self.workers, 0)


@dataclass(frozen=True)
class ModelConfig:
    """The model to train.

    Attributes:
        name: of the catalogue; None is the checkpoint's own architecture, or ``videomamba_nano`` from scratch.
        start: checkpoint to begin from, its weights fitted to the architecture; its head stays if the classes agree.
        begins_from: what ``start`` must name, in words, for a recipe that is nothing without it.
        inflation: how an image model's patch kernel becomes a tubelet's.
        freeze: train all but the stem and so many first blocks, or nothing but the head (``backbone``).
        drop_path_rate: stochastic depth; None for a model that has none.
        overrides: fields of VideoMambaConfig that differ from that architecture's.
    """

    name: str | None = None
    start: str | None = None
    begins_from: str | None = None
    inflation: Inflation = "mean"
    freeze: int | Literal["backbone"] | None = None
    drop_path_rate: float | None = 0.1
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.freeze is not None and self.start is None:
            raise UserError(f"freeze={self.freeze!r} needs start, the checkpoint whose weights shall stay")


@dataclass(frozen=True)
class OptimConfig:
    """AdamW with a linear warm-up and a cosine to ``min_lr``, stepped once a batch, or Adam and steps down.

    Attributes:
        epochs: rounds through the training videos.
        min_steps: small sets are given more epochs, until there are at least so many steps.
        batch_size: clips of a batch, in each process.
        total_batch: clips of a step in all, whatever the number of processes; ``batch_size`` follows from it.
        lr: at the top of the schedule.
        optimizer: ``adamw``, or ``adam``, whose weight decay is part of the gradient (L2) and on vectors too.
        schedule: ``cosine``, or ``plateau``: half of the rate after four epochs without a better training loss, and no
            warm-up.
        weight_decay: on matrices only; see :func:`videomamba.engine.optim.parameter_groups`.
        layer_decay: each layer's learning rate over the next one's; the head has ``lr``, the stem the least.
        backbone_lr: learning rate of all layers but the head, over what they would have.
        clip_grad: largest norm of all gradients together; None lets them be.
        accumulate: batches whose gradients make one step.
        label_smoothing: for the task's loss.
        mixup, cutmix: strength of mixing clips and labels (arXiv 1710.09412, 1905.04899), 0 for none; with both, each
            batch takes one of them.
        ema: decay of the averaged weights that are tested and saved, such as 0.9999; None for the weights themselves.
        bf16: train under bfloat16 autocast; tests stay in float32.
        grad_checkpointing: keep less for the backward pass, compute blocks twice.
        compile: torch.compile the model.
        fsdp: shard parameters, gradients and optimiser over the processes.
    """

    epochs: int = 30
    min_steps: int = 0
    batch_size: int = 16
    total_batch: int | None = None
    lr: float = 1e-3
    min_lr: float = 1e-6
    warmup_epochs: float = 5.0
    optimizer: Literal["adamw", "adam"] = "adamw"
    schedule: Literal["cosine", "plateau"] = "cosine"
    weight_decay: float = 0.05
    layer_decay: float = 1.0
    backbone_lr: float = 1.0
    betas: tuple[float, float] = (0.9, 0.999)
    clip_grad: float | None = 1.0
    accumulate: int = 1
    label_smoothing: float = 0.1
    mixup: float = 0.0
    cutmix: float = 0.0
    ema: float | None = None
    bf16: bool = False
    grad_checkpointing: bool = False
    compile: bool = False
    fsdp: bool = False

    def __post_init__(self) -> None:
        _at_least("epochs", self.epochs, 1)
        _at_least("batch_size", self.batch_size, 1)
        _at_least("accumulate", self.accumulate, 1)
        if min(self.mixup, self.cutmix) < 0:
            raise UserError(f"mixup={self.mixup} and cutmix={self.cutmix} must be at least 0 (none)")
        if self.ema is not None and not 0 < self.ema < 1:
            raise UserError(f"ema={self.ema}; it must be above 0 and below 1")
        if self.ema is not None and self.fsdp:
            raise UserError("ema does not go with fsdp, whose weights no process has whole")
        if not self.lr > 0:
            raise UserError(f"lr={self.lr}; it must be above 0")
        if not 0 < self.layer_decay <= 1:
            raise UserError(f"layer_decay={self.layer_decay}; it must be above 0 and at most 1 (none)")
        if not 0 < self.backbone_lr <= 1:
            raise UserError(f"backbone_lr={self.backbone_lr}; it must be above 0 and at most 1 (as the head)")
        if self.total_batch is not None:
            _at_least("total_batch", self.total_batch, 1)
        if self.warmup_epochs < 0:
            raise UserError(f"warmup_epochs={self.warmup_epochs}; it must be at least 0")


@dataclass(frozen=True)
class RunConfig:
    """A whole run.

    Attributes:
        name: of the recipe; in the default output folder's name.
        task: of :data:`videomamba.tasks.catalogue.TASKS`.
        output: the run's folder; by default ``runs/<name>-<date-time>``.
        device: ``auto`` takes a GPU where there is one.
        checkpoint_steps: steps from one full checkpoint to the next; None is every ten minutes and at the end of an
            epoch that ends a minute or more after the last one.
        keep_checkpoints: how many of them stay.
        trackers: of accelerate, such as ``tensorboard`` or ``wandb``.
        test_clips, test_crops: views of a video in the test after training, scores averaged.
        seed: of weights, order, augmentation, drop path and the random split.
    """

    name: str
    data: DataConfig
    model: ModelConfig = ModelConfig()
    optim: OptimConfig = OptimConfig()
    task: str = "recognition"
    output: Path | None = None
    device: DeviceName = "auto"
    seed: int = 0
    checkpoint_steps: int | None = None
    keep_checkpoints: int = 2
    trackers: tuple[str, ...] = ("tensorboard",)
    test_clips: int = 1
    test_crops: int = 1

    def __post_init__(self) -> None:
        for name in ("keep_checkpoints", "test_clips", "test_crops"):
            _at_least(name, getattr(self, name), 1)
        if not 0 <= self.seed < 2**32:
            raise UserError(f"seed={self.seed}; expected 0 to {2**32 - 1}")
        if self.checkpoint_steps is not None:
            _at_least("checkpoint_steps", self.checkpoint_steps, 1)
