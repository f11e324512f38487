"""Breakfast: minutes of cooking, one of ten activities."""

from pathlib import Path

from videomamba.engine.config import RunConfig
from videomamba.recipes.table_s3 import Start, table_s3


def breakfast(data: Path | None = None, *, frames: int, start: Start) -> RunConfig:
    """Breakfast as recognition of whole videos.

    Layout: ``BreakfastII_15fps_qvga_sync/P03/cam01/P03_cereals.avi`` (docs/datasets.md); people P03 to P46 train, P47
    to P54 test. CHECKPOINT is a run of ``k400``: the paper started from ImageNet-1K and Kinetics-400. Training time and
    machine: not published.

    The paper gives no settings for this data set. Chosen here: those of Table S3 for HMDB51, the other small data set
    (50 epochs, 5 of warm-up, flips); frames evenly over the video; tests in 4 x 3 views; and what :func:`table_s3`
    names.
    """
    return table_s3(
        data or Path("data/breakfast"),
        "breakfast",
        epochs=50,
        warmup_epochs=5,
        flip=True,
        frames=frames,
        stride="uniform",
        views=(4, 3),
        start=start,
    )
