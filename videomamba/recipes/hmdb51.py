"""HMDB51: small, so that the start decides."""

from pathlib import Path
from typing import Any

from videomamba.engine.config import RunConfig
from videomamba.recipes.table_s3 import Start, table_s3


def hmdb51(
    data: Path | None = None,
    *,
    frames: int = 32,
    start: Start = "imagenet1k",
    model: str = "videomamba_small",
    **architecture: Any,
) -> RunConfig:
    """HMDB51; ``--splits all`` trains on its three splits and gives the mean, ``--splits N`` on one, split 1 else.

    - ``videomamba train hmdb51 --data DIR --start CHECKPOINT``: 32 frames from ImageNet-1K, 59.3 % top-1 (Table S1)
    - ``videomamba train hmdb51_f8 --data DIR --start CHECKPOINT``: 8 frames, 52.7 (main paper)
    - ``videomamba train hmdb51_f16 --data DIR --start CHECKPOINT``: 16 frames, 58.9 (main paper)
    - ``videomamba train hmdb51_k400 --data DIR --start CHECKPOINT``: 16 frames from Kinetics-400, 68.6 (Table S1)
    - ``videomamba train hmdb51_k400_f32 --data DIR --start CHECKPOINT``: 32 frames from it, 75.7 (main paper)
    - ``videomamba train hmdb51_scratch --data DIR``: 32 frames from nothing, 18.1 (Table S1)
    - ``videomamba train hmdb51_tiny --data DIR --start CHECKPOINT``: 16 frames from Kinetics-400, width 192, 56.5 (main
      paper)
    - ``videomamba train hmdb51_order_ORDER --data DIR --start CHECKPOINT``: 16 frames, ORDER of the backward direction
      spatial, 43.3, temporal, 52.9, or spatio_temporal, 55.2 (main paper)
    - ``videomamba train hmdb51_pos_KIND --data DIR --start CHECKPOINT``: 16 frames, KIND of position embedding none,
      48.7, sinusoidal, 47.5, random, 47.9, spatial_interpolation, 49.4, embed_dim_interpolation, 51.5, or
      temporal_expansion, 58.9 (main paper)

    Layout: ``<class>/*.avi`` and ``testTrainMulti_7030_splits/`` (docs/datasets.md). CHECKPOINT is an image model of
    ImageNet-1K (the paper began from Vim's), or a run of ``k400``. Hours: not published; the paper used eight NVIDIA
    3090 (supplement, S5). Test frames in another order, of ``hmdb51_f16``: block-wise 56.5, pairwise 53.5, interleaved
    51.3.

    From Table S3: 50 epochs (from scratch 200, S3), 5 of warm-up, flips. Ours: clips at stride 2, as on Kinetics; tests
    in 4 x 3 views; frames of the run from scratch (Table S1 mixes 16 and 32) and of the ablations; the paper does not
    say whether it has one split or the mean of three; and what :func:`table_s3` names.
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
