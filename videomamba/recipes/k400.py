"""Kinetics-400, the paper's largest data set."""

from pathlib import Path

from videomamba.engine.config import RunConfig
from videomamba.recipes.table_s3 import Start, table_s3


def k400(data: Path | None = None, *, frames: int, start: Start) -> RunConfig:
    """Kinetics-400.

    Layout: ``annotations/{train,val}.csv`` or mmaction's lists, videos below ``train/`` and ``val/``
    (docs/datasets.md). CHECKPOINT is an image model of ImageNet-1K; the paper started from Vim's. Training time: not
    published; the paper used two NVIDIA A100 (supplement, S5).

    From Tables S2 and S3: 30 epochs, 1 of warm-up, flips, clips at stride 2. Chosen here: clips of the validation part
    are tested in 4 x 3 views, as is usual; and what :func:`table_s3` names.
    """
    return table_s3(
        data or Path("data/k400"),
        "kinetics",
        epochs=30,
        warmup_epochs=1,
        flip=True,
        frames=frames,
        stride=2,
        views=(4, 3),
        start=start,
    )
