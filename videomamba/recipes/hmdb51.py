"""HMDB51: a small data set, on which pretraining matters most."""

from pathlib import Path
from typing import Any

from videomamba.engine.config import RunConfig
from videomamba.recipes.table_s3 import Start, table_s3


def hmdb51(
    data: Path | None = None,
    *,
    frames: int,
    start: Start,
    model: str = "videomamba_small",
    **architecture: Any,
) -> RunConfig:
    """HMDB51; ``--splits all`` trains on its three splits and reports the mean, ``--splits N`` on one (default 1).

    Layout: ``<class>/*.avi`` and ``testTrainMulti_7030_splits/`` (docs/datasets.md). CHECKPOINT is an image model of
    ImageNet-1K (the paper started from Vim's), or a run of ``k400``. Training time: not published; the paper used eight
    NVIDIA 3090 (supplement, S5).

    From Table S3: 50 epochs (from scratch 200, S3), 5 of warm-up, flips. Chosen here: clips at stride 2, as on
    Kinetics; tests in 4 x 3 views; frames of the run from scratch (Table S1 mixes 16 and 32) and of the ablations; the
    paper does not say whether it reports one split or the mean of three; and what :func:`table_s3` names.
    """
    return table_s3(
        data or Path("data/hmdb51"),
        "hmdb51",
        epochs=200 if start == "scratch" else 50,
        warmup_epochs=5,
        flip=True,
        frames=frames,
        stride=2,
        views=(4, 3),
        start=start,
        model=model,
        architecture=architecture,
    )
