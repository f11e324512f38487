"""Something-Something V2: classes depend on the order of frames, and some on left and right."""

from pathlib import Path
from typing import Any

from videomamba.engine.config import RunConfig
from videomamba.recipes.table_s3 import Start, table_s3

# classes that a mirror image turns into each other, as mmaction2 swaps them
MIRRORED = (
    ("Pulling something from left to right", "Pulling something from right to left"),
    ("Pushing something from left to right", "Pushing something from right to left"),
    ("Turning the camera left while filming something", "Turning the camera right while filming something"),
)


def ssv2(
    data: Path | None = None,
    *,
    frames: int,
    start: Start,
    model: str = "videomamba_small",
    **architecture: Any,
) -> RunConfig:
    """Something-Something V2.

    Layout: ``something-something-v2-{train,validation,labels}.json`` and ``20bn-something-something-v2/<id>.webm``
    (docs/datasets.md). CHECKPOINT is an image model of ImageNet-1K; the paper started from Vim's. Training time: not
    published; the paper used eight NVIDIA 3090 (supplement, S5).

    From Table S3: 35 epochs (from scratch 100, S3), 1 of warm-up, no flips. Chosen here: frames evenly over the video;
    tests in 1 x 3 views; ``--flip`` mirrors clips and swaps the three pairs of classes that are mirror images; 16
    frames for Table S1 and the ablations, which do not state their frames but have the figure of the 16-frame run; and
    what :func:`table_s3` names.
    """
    return table_s3(
        data or Path("data/ssv2"),
        "ssv2",
        epochs=100 if start == "scratch" else 35,
        warmup_epochs=1,
        flip=False,
        flip_pairs=MIRRORED,
        frames=frames,
        stride="uniform",
        views=(1, 3),
        start=start,
        model=model,
        architecture=architecture,
    )
