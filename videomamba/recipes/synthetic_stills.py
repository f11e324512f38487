"""SyntheticStills: pictures of single objects, the embedded stand-in for ImageNet."""

from pathlib import Path

from videomamba.data import Augmentation
from videomamba.data.synthetic import SyntheticStills
from videomamba.engine.config import DataConfig, ModelChoice, OptimConfig, RunConfig


def synthetic_stills(data: Path | None = None) -> RunConfig:
    """An image model (one frame, tubelets of one) of the small model's width, depth and patches, from scratch.

    Command: ``videomamba train synthetic_stills``; its ``last/`` is an image start for ``videomamba train`` and
    ``videomamba ablate``, where the small model (``--model videomamba_nano``) inflates it.
    """
    return RunConfig(
        name="synthetic_stills",
        data=DataConfig(
            root=data or Path("runs/data/synthetic_stills"),
            synthetic=SyntheticStills(train_per_class=400),
            augmentation=Augmentation(scale=(0.6, 1.0)),
        ),
        model=ModelChoice(name="videomamba_nano", drop_path_rate=0.0, overrides={"num_frames": 1, "tubelet_size": 1}),
        optim=OptimConfig(epochs=8, batch_size=32, lr=2e-3, warmup_epochs=1.0),
    )
