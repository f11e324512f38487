"""Pictures of your own: an image model, which a video model can begin from."""

from pathlib import Path
from typing import Any

from videomamba.data import Augmentation
from videomamba.data.archive import unpacked_folder
from videomamba.engine.config import DataConfig, ModelChoice, OptimConfig, RunConfig

_UNPACKED = Path("runs/data")


def images(data: Path | None = None) -> RunConfig:
    """A model of one frame, from scratch, on a folder or a zip archive of pictures.

    Command: ``videomamba train images DIR`` or ``videomamba train images PICTURES.zip``. Layout: one folder per class,
    or train/ and val/ with one folder per class each; ``--split FILE.csv`` names path, label and split instead. Its
    ``last/`` is an image start for ``videomamba train`` (``--start``), where the video model inflates it.
    """
    return _image_model("images", data or Path("data/images"), "images")


def tiny_imagenet(data: Path | None = None) -> RunConfig:
    """A model of one frame, from scratch, on Tiny ImageNet (64 x 64 pixels), the small stand-in for ImageNet.

    Command: ``videomamba train tiny_imagenet DIR``. Layout: as published (train/, val/val_annotations.txt, words.txt),
    its zip archive, or a folder with images.zip and labels.csv (path, name, split).
    """
    data = data or Path("data/tiny-imagenet-200")
    inside = data / "images.zip"
    labels = {"labels": data / "labels.csv"} if inside.is_file() else {}
    return _image_model("tiny_imagenet", inside if inside.is_file() else data, "tiny_imagenet", **labels)


def _image_model(name: str, data: Path, layout: str, **options: Any) -> RunConfig:
    archive = data if data.is_file() else None
    return RunConfig(
        name=name,
        data=DataConfig(
            root=data if archive is None else unpacked_folder(archive, _UNPACKED),
            archive=archive,
            layout=layout,
            options=options,
            size=64,
            in_memory=True,
            augmentation=Augmentation(scale=(0.35, 1.0), flip=True, rand_ops=1, rand_magnitude=5 / 3),
        ),
        model=ModelChoice(name="videomamba_nano", drop_path_rate=0.05, overrides={"num_frames": 1, "tubelet_size": 1}),
        optim=OptimConfig(epochs=40, batch_size=64, lr=2e-3, warmup_epochs=2, label_smoothing=0.1),
    )
