"""The training settings of the paper (supplement, Tables S2 and S3), and choices where it is silent."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

from videomamba.data.transforms import TABLE_S3
from videomamba.engine.config import DataConfig, ModelChoice, OptimConfig, RunConfig, Stride

Start = Literal["imagenet1k", "k400", "scratch"]
_VIM = {"videomamba_small": "hf-hub:hustvl/Vim-small-midclstok", "videomamba_tiny": "hf-hub:hustvl/Vim-tiny-midclstok"}


def table_s3(
    data: Path,
    layout: str,
    *,
    epochs: int,
    warmup_epochs: float,
    flip: bool,
    flip_pairs: tuple[tuple[str, str], ...] = (),
    frames: int,
    stride: Stride,
    views: tuple[int, int],
    start: Start,
    model: str = "videomamba_small",
    architecture: dict[str, Any] | None = None,
) -> RunConfig:
    """A run by Table S3; the arguments are what differs between data sets.

    From the table: AdamW with betas 0.9 and 0.999, weight decay 0.05, a cosine from 3e-4, 64 clips per step over all
    processes, drop path 0.1, RandAugment (9, 0.5), label smoothing 0.1, no repeated augmentation (not implemented).

    Choices where the paper is silent or ambiguous:

    - RandAugment's (9, 0.5) is magnitude 9 of 10 with deviation 0.5, in two operations drawn once per clip, each
      applied with probability 0.5 (timm's ``rand-m9-mstd0.5``, whose operations have that probability);
    - random erasing with probability 0.25, one rectangle for all frames (timm's and Video Swin's figure);
    - random resized crops of 8 to 100 % of the picture, sides 3:4 to 4:3 (torchvision's and Video Swin's);
    - a linear warm-up; the cosine ends at 1e-6; gradients are clipped to norm 1; biases, norms, D, A, class token and
      positions have no weight decay; float32;
    - the last epoch's weights are tested with ``views`` (clips x crops), scores averaged.

    Args:
        data: folder of the data set.
        layout: that it is in.
        epochs, warmup_epochs, flip: the table's columns.
        flip_pairs: see :class:`videomamba.data.Augmentation`; used with ``--flip``.
        frames, stride: of a clip.
        views: clips and crops of the test.
        start: the initial weights.
        model: of the catalogue.
        architecture: fields of VideoMambaConfig that an ablation changes.
    """
    augmentation = dataclasses.replace(TABLE_S3, flip=flip, flip_pairs=flip_pairs)
    return RunConfig(
        name=layout,
        data=DataConfig(
            root=data, layout=layout, num_frames=frames, stride=stride, size=224, augmentation=augmentation
        ),
        model=ModelChoice(
            name=model, begins_from=begins_from(start, model), drop_path_rate=0.1, overrides=architecture or {}
        ),
        optim=OptimConfig(
            epochs=epochs,
            warmup_epochs=warmup_epochs,
            lr=3e-4,
            min_lr=1e-6,
            betas=(0.9, 0.999),
            weight_decay=0.05,
            total_batch=64,
            label_smoothing=0.1,
            clip_grad=1.0,
        ),
        test_clips=views[0],
        test_crops=views[1],
    )


def begins_from(start: Start, model: str) -> str | None:
    """What a run's ``--start`` must name, in words; None from scratch."""
    if start == "scratch":
        return None
    if start == "k400":
        return f"a {model} of Kinetics-400, such as the folder of `videomamba train k400`'s run"
    if model in _VIM:
        return f"an image model of ImageNet-1K, such as Vim's {_VIM[model]} (docs/weights.md)"
    return f"a {model} of ImageNet-1K"
