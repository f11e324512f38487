"""A training run as frozen data: what a recipe returns, and what the run's ``config.json`` keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from videomamba.data.synthetic import SyntheticMotions
from videomamba.models.fit import Inflation

Stride = int | Literal["uniform"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name}={value}; it must be at least {least}")


@dataclass(frozen=True)
class DataConfig:
    """Videos, their split, and how a clip is taken from one.

    Attributes:
        root: folder of the videos.
        split: csv file with columns path, label and, unless ``hold_out`` names another, split.
        hold_out: ``COLUMN=VALUE,...`` of that csv: the test videos.
        synthetic: rendered into ``root`` first.
        num_frames: of a clip; None is the model's own.
        stride: source frames from one to the next, or ``uniform``: evenly over the whole video; None as above.
        size: of a frame in pixels, one number or height and width; None is the model's own.
        flip: turn training clips left to right at random.
        scale: a training crop's part of the picture's area, least and most.
        randaugment: strength of RandAugment in training, 1 to 30; 0 for none.
        workers: processes that read videos; 0 reads between the steps.
    """

    root: Path
    split: Path | None = None
    hold_out: str | None = None
    synthetic: SyntheticMotions | None = None
    num_frames: int | None = None
    stride: Stride | None = None
    size: int | tuple[int, int] | None = None
    flip: bool = True
    scale: tuple[float, float] = (0.5, 1.0)
    randaugment: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        if self.hold_out is not None and self.split is None:
            raise ValueError(f"hold_out={self.hold_out!r} needs split, the csv file that has the column")
        if self.stride is not None and self.stride != "uniform":
            _at_least("stride", self.stride, 1)
        if self.num_frames is not None:
            _at_least("num_frames", self.num_frames, 1)
        _at_least("workers", self.workers, 0)
        if not 0 <= self.randaugment <= 30:
            raise ValueError(f"randaugment={self.randaugment}; it must be 0 (none) to 30")
        low, high = self.scale
        if not 0 < low <= high <= 1:
            raise ValueError(f"scale={self.scale}; expected 0 < least <= most <= 1")


@dataclass(frozen=True)
class ModelConfig:
    """The model to train.

    Attributes:
        name: of the catalogue; None is the checkpoint's own architecture, or ``videomamba_nano`` from scratch.
        start: checkpoint to begin from, its weights fitted to the architecture; its head stays if the classes agree.
        inflation: how an image model's patch kernel becomes a tubelet's.
        freeze: train all but the stem and so many first blocks, or nothing but the head (``backbone``).
        drop_path_rate: stochastic depth.
        overrides: fields of VideoMambaConfig that differ from that architecture's.
    """

    name: str | None = None
    start: str | None = None
    inflation: Inflation = "mean"
    freeze: int | Literal["backbone"] | None = None
    drop_path_rate: float = 0.1
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.freeze is not None and self.start is None:
            raise ValueError(f"freeze={self.freeze!r} needs start, the checkpoint whose weights shall stay")


@dataclass(frozen=True)
class OptimConfig:
    """AdamW with a linear warm-up and a cosine to ``min_lr``, stepped once a batch.

    Attributes:
        epochs: rounds through the training videos.
        min_steps: small sets are given more epochs, until there are at least so many steps.
        lr: at the top of the schedule.
        weight_decay: on matrices only; see :func:`videomamba.engine.optim.parameter_groups`.
        layer_decay: each layer's learning rate over the next one's; the head has ``lr``, the stem the least.
        clip_grad: largest norm of all gradients together.
        label_smoothing: for the task's loss.
        bf16: train under bfloat16 autocast; tests stay in float32.
    """

    epochs: int = 30
    min_steps: int = 0
    batch_size: int = 16
    lr: float = 1e-3
    min_lr: float = 1e-6
    warmup_epochs: float = 5.0
    weight_decay: float = 0.05
    layer_decay: float = 1.0
    betas: tuple[float, float] = (0.9, 0.999)
    clip_grad: float = 1.0
    label_smoothing: float = 0.1
    bf16: bool = False

    def __post_init__(self) -> None:
        _at_least("epochs", self.epochs, 1)
        _at_least("batch_size", self.batch_size, 1)
        if not self.lr > 0:
            raise ValueError(f"lr={self.lr}; it must be above 0")
        if not 0 < self.layer_decay <= 1:
            raise ValueError(f"layer_decay={self.layer_decay}; it must be above 0 and at most 1 (none)")
        if self.warmup_epochs < 0:
            raise ValueError(f"warmup_epochs={self.warmup_epochs}; it must be at least 0")


@dataclass(frozen=True)
class RunConfig:
    """A whole run.

    Attributes:
        name: of the recipe; in the default output folder's name.
        output: the run's folder; by default ``runs/<name>-<date-time>``.
        device: ``auto`` takes a GPU where there is one.
        seed: of weights, order, augmentation, drop path and the random split.
    """

    name: str
    data: DataConfig
    model: ModelConfig = ModelConfig()
    optim: OptimConfig = OptimConfig()
    output: Path | None = None
    device: DeviceName = "auto"
    seed: int = 0
