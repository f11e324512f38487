"""The paper's baseline: Video Swin-T, trained like Video Swin-B with the paper's augmentation (supplement, S5)."""

import dataclasses
from pathlib import Path
from typing import Literal

from videomamba.engine.config import RunConfig
from videomamba.recipes.hmdb51 import hmdb51
from videomamba.recipes.ssv2 import ssv2
from videomamba.recipes.table_s3 import Start

_BASES = {"ssv2": ssv2, "hmdb51": hmdb51}


def swin(data: Path | None = None, *, data_set: Literal["ssv2", "hmdb51"], frames: int, start: Start) -> RunConfig:
    """Video Swin-T on the data, augmentation and views of another recipe.

    Layouts: of ``ssv2`` and ``hmdb51``. CHECKPOINT is torchvision's file: ``swin_t`` for ImageNet-1K (inflated),
    ``swin3d_t`` for Kinetics-400. Training time: not published; the paper used eight NVIDIA 3090
    (supplement, S5).

    Video Swin-B's strategy on Something-Something V2 (arXiv 2106.13230, and its configuration
    ``swin_base_patch244_window1677_sthv2``): AdamW with betas 0.9 and 0.999, 3e-4 for the head and a tenth of it for
    the backbone, weight decay 0.05 except for norms and position tables, 64 clips per step, 60 epochs, 2.5 of warm-up,
    a cosine to 0, drop path 0.4, label smoothing 0.1. Chosen here: the same on HMDB51, which Video Swin does not cover;
    biases do not decay either; no dropout before the head (0.5 there); torchvision's window of 8 frames, not 16.
    """
    run = _BASES[data_set](data, frames=frames, start=start, model="video_swin_t")
    optim = dataclasses.replace(run.optim, epochs=60, warmup_epochs=2.5, backbone_lr=0.1, min_lr=0.0)
    return dataclasses.replace(run, model=dataclasses.replace(run.model, drop_path_rate=0.4), optim=optim)
