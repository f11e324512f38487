"""A training run as frozen data: what a recipe returns, and what the run's ``config.json`` keeps.

The command line makes an option of each field that is not suppressed; the field's documentation is the option's help.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Suppress, arg

from videomamba.data.datasets import LAYOUTS, OF_FOLDERS, WITH_OPTIONS, check_fold
from videomamba.data.synthetic import Synthetic
from videomamba.data.transforms import Augmentation
from videomamba.errors import FieldError, UserError
from videomamba.models.weights.adapt import Inflation
from videomamba.tasks.task import DEFAULT_TASK

Stride = int | Literal["uniform"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]

Count = Annotated[int, arg(metavar="N")]
Number = Annotated[float, arg(metavar="X")]


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise FieldError(f"{{{name}}}; it must be at least {least}", **{name: value})


@dataclass(frozen=True)
class DataConfig:
    """Videos, their split, and how a clip is taken from one.

    Attributes:
        root: folder of the videos.
        layout: published layout of the annotations, such as kinetics, ssv2, hmdb51, breakfast or ava; "folder" is one
            folder per class, or the csv file that names the split; "images" the same of pictures.
        options: of the layout's reader, such as AVA's ``keyframes``.
        fold: which of a layout's published splits, from 1; None is its only one, or the first.
        split: csv file with columns path (relative to the videos' folder), label and split.
        hold_out: the csv's rows to test on, by any column.
        synthetic: rendered into ``root`` first.
        archive: zip file that is unpacked into ``root`` first.
        num_frames: frames of a clip; by default the model's.
        stride: source frames from one frame of a clip to the next, or uniform: evenly over the whole video; by default
            the model's.
        size: frame size that the model sees in pixels, one number or height and width; by default the model's.
        augmentation: of training clips.
        workers: processes that read videos; 0 reads between the steps. By default half of the cores, at most 8.
        in_memory: decode each video once and keep it in memory, in each of these processes; for small sets.
        leave_out: csv file with a column path: videos that are left out, such as `videomamba check --csv` lists.
        skip_broken: how many files may turn out to be broken; in training others stand in for them, tests count the
            rest.
    """

    root: Annotated[Path, Suppress, arg(name="data")]
    layout: Annotated[str, arg(metavar="NAME")] = "folder"
    options: Annotated[Mapping[str, Any], Suppress, arg(name="data-option")] = field(default_factory=dict)
    fold: Annotated[int | None, Suppress, arg(name="splits")] = None
    split: Annotated[Path | None, arg(metavar="FILE.csv")] = None
    hold_out: Annotated[str | None, arg(metavar="COLUMN=VALUE,...")] = None
    synthetic: Annotated[Synthetic | None, Suppress] = None
    archive: Annotated[Path | None, Suppress] = None
    num_frames: Annotated[int | None, arg(name="frames", metavar="N")] = None
    stride: Annotated[Stride | None, arg(metavar="N|uniform")] = None
    size: Annotated[int | tuple[int, int] | None, arg(metavar="PIXELS|HEIGHT WIDTH")] = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    workers: Count = 1
    in_memory: bool = False
    leave_out: Annotated[Path | None, arg(metavar="FILE.csv")] = None
    skip_broken: Annotated[int, arg(metavar="N")] = 0

    def __post_init__(self) -> None:
        layout = self.layout
        _at_least("skip_broken", self.skip_broken, 0)
        if self.hold_out is not None and self.split is None:
            raise FieldError(
                "{hold_out} needs {split}, the csv file that has the column", "split", hold_out=self.hold_out
            )
        if self.options and layout not in WITH_OPTIONS:
            raise FieldError(
                f"{{layout}} has no {{options}}; {', '.join(self.options)} given", "options", layout=layout
            )
        if layout != "folder" and layout not in LAYOUTS:
            raise UserError(f"unknown layout {layout!r}; choose one of {', '.join(['folder', *LAYOUTS])}")
        if layout not in OF_FOLDERS and self.split is not None:
            raise FieldError(
                "data in {layout} brings its own split; {split} is for folders", layout=layout, split=str(self.split)
            )
        check_fold(layout, self.fold)
        if self.stride is not None and self.stride != "uniform":
            _at_least("stride", self.stride, 1)
        if self.num_frames is not None:
            _at_least("num_frames", self.num_frames, 1)
        _at_least("workers", self.workers, 0)


@dataclass(frozen=True)
class ModelChoice:
    """Which model a run trains, and what it begins from.

    Attributes:
        name: architecture (`videomamba models` lists them); by default the checkpoint's, or videomamba_nano.
        start: checkpoint to fine-tune instead of a fresh model; its weights are fitted to the architecture, and its
            head is kept if the classes are the same. Also a file of Vim or OpenGVLab's VideoMamba.
        begins_from: description of the checkpoint that the recipe requires; None if it trains from scratch.
        inflation: how an image model's patch kernel becomes a tubelet's.
        freeze: train all but the stem and the first N blocks, or nothing but the head (backbone).
        drop_path_rate: chance that a block is skipped in training (stochastic depth).
        overrides: fields of the model's configuration that differ from that architecture's.
    """

    name: Annotated[str | None, arg(name="model", metavar="NAME")] = None
    start: Annotated[str | None, arg(metavar="CHECKPOINT")] = None
    begins_from: Annotated[str | None, Suppress] = None
    inflation: Inflation = "mean"
    freeze: Annotated[int | Literal["backbone"] | None, arg(metavar="N|backbone")] = None
    drop_path_rate: Annotated[float | None, arg(metavar="X")] = 0.1
    overrides: Annotated[Mapping[str, Any], Suppress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.freeze is not None and self.start is None:
            raise FieldError(
                "{freeze} needs {start}, the checkpoint whose weights are to stay", "start", freeze=self.freeze
            )


@dataclass(frozen=True)
class OptimConfig:
    """AdamW with a linear warm-up and a cosine to ``min_lr``, stepped once per batch, or Adam and steps down.

    Attributes:
        epochs: rounds through the training videos.
        min_steps: train for more epochs, until there are at least so many steps; for small sets.
        batch_size: clips of one batch, in each process.
        total_batch: clips of one step in all, whatever the number of processes; the batch size follows from it.
        lr: learning rate at the top of its schedule.
        min_lr: learning rate at the end of the cosine, never above lr.
        warmup_epochs: epochs in which the learning rate rises.
        optimizer: adam: weight decay is part of the gradient (L2), and on vectors too.
        schedule: plateau: the learning rate is halved after four epochs without a better training loss, no warm-up.
        weight_decay: of matrices only, under adamw.
        layer_decay: each layer's learning rate over the next one's, such as 0.75; the head has the whole rate.
        backbone_lr: learning rate of all layers but the head, as a share of what they would have.
        betas: of both optimizers.
        clip_grad: largest norm of all gradients together.
        accumulate: batches whose gradients make one step; for a recipe of the paper, parts of the 64 clips.
        label_smoothing: probability spread over all classes in the training loss.
        mixup: strength of mixing clips and labels (arXiv 1710.09412); with both, each batch takes one of them.
        cutmix: strength of pasting a rectangle of another clip (arXiv 1905.04899).
        ema: test and save weights averaged over the steps with this decay, such as 0.999.
        bf16: train under bfloat16 autocast where the processor has such products; tests stay in float32.
        grad_checkpointing: recompute blocks in the backward pass: less memory, more time.
        compile: use torch.compile.
        fsdp: shard parameters, gradients and optimizer over the processes.
    """

    epochs: Count = 30
    min_steps: Count = 0
    batch_size: Count = 16
    total_batch: Annotated[int | None, arg(metavar="N")] = None
    lr: Number = 1e-3
    min_lr: Number = 1e-6
    warmup_epochs: Number = 5.0
    optimizer: Literal["adamw", "adam"] = "adamw"
    schedule: Literal["cosine", "plateau"] = "cosine"
    weight_decay: Number = 0.05
    layer_decay: Number = 1.0
    backbone_lr: Number = 1.0
    betas: Annotated[tuple[float, float], arg(metavar="X X")] = (0.9, 0.999)
    clip_grad: Annotated[float | None, arg(metavar="X")] = 1.0
    accumulate: Count = 1
    label_smoothing: Number = 0.1
    mixup: Number = 0.0
    cutmix: Number = 0.0
    ema: Annotated[float | None, arg(metavar="DECAY")] = None
    bf16: bool = False
    grad_checkpointing: bool = False
    compile: bool = False
    fsdp: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate"):
            _at_least(name, getattr(self, name), 1)
        if min(self.mixup, self.cutmix) < 0:
            raise FieldError("{mixup} and {cutmix} must be at least 0 (none)", mixup=self.mixup, cutmix=self.cutmix)
        if self.ema is not None and not 0 < self.ema < 1:
            raise FieldError("{ema}; it must be above 0 and below 1", ema=self.ema)
        if self.ema is not None and self.fsdp:
            raise FieldError("{ema} does not go with {fsdp}, whose weights no process has whole", "ema", "fsdp")
        if not self.lr > 0:
            raise FieldError("{lr}; it must be above 0", lr=self.lr)
        if not 0 < self.layer_decay <= 1:
            raise FieldError("{layer_decay}; it must be above 0 and at most 1 (none)", layer_decay=self.layer_decay)
        if not 0 < self.backbone_lr <= 1:
            raise FieldError(
                "{backbone_lr}; it must be above 0 and at most 1 (as the head)", backbone_lr=self.backbone_lr
            )
        if self.total_batch is not None:
            _at_least("total_batch", self.total_batch, 1)
        if self.warmup_epochs < 0:
            raise FieldError("{warmup_epochs}; it must be at least 0", warmup_epochs=self.warmup_epochs)


@dataclass(frozen=True)
class RunConfig:
    """A whole run.

    Attributes:
        name: of the recipe; in the default output folder's name.
        task: of :data:`videomamba.tasks.catalogue.TASKS`.
        output: the run's folder; by default runs/<name>-<date-time>.
        device: auto takes a GPU where there is one.
        seed: of weights, order, augmentation, drop path and the random split.
        checkpoint_steps: steps from one full checkpoint to the next; by default every ten minutes, and at the end of an
            epoch that ends a minute or more after the last one.
        trackers: of accelerate, such as tensorboard or wandb.
        test_clips: clips of each video in the test after training, scores averaged.
        test_crops: crops of each of these clips, scores averaged.
    """

    name: Annotated[str, Suppress]
    data: DataConfig
    model: ModelChoice = ModelChoice()
    optim: OptimConfig = OptimConfig()
    task: Annotated[str, Suppress] = DEFAULT_TASK
    output: Annotated[Path | None, arg(metavar="DIR")] = None
    device: DeviceName = "auto"
    seed: Count = 0
    checkpoint_steps: Annotated[int | None, arg(metavar="N")] = None
    trackers: Annotated[tuple[str, ...], arg(metavar="NAME...")] = ("tensorboard",)
    test_clips: Annotated[int, arg(name="clips", metavar="N")] = 1
    test_crops: Annotated[int, arg(name="crops", metavar="N")] = 1

    def __post_init__(self) -> None:
        for name in ("test_clips", "test_crops"):
            _at_least(name, getattr(self, name), 1)
        if not 0 <= self.seed < 2**32:
            raise FieldError(f"{{seed}}; expected 0 to {2**32 - 1}", seed=self.seed)
        if self.checkpoint_steps is not None:
            _at_least("checkpoint_steps", self.checkpoint_steps, 1)
