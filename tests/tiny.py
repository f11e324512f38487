"""A tiny data set and a tiny run for tests of the engine and the command line."""

import contextlib
import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from torchvision.models.video import SwinTransformer3d

from videomamba.data.synthetic import write_video
from videomamba.engine import DataConfig, ModelChoice, OptimConfig, RunConfig
from videomamba.models import video_swin
from videomamba.models.architectures import tensors_of

FIXTURES = Path(__file__).resolve().parent / "fixtures"
COLOURS = {"blue": (30, 60, 220), "green": (40, 200, 60), "red": (220, 40, 30)}
MODEL = {"embed_dim": 32, "depth": 2, "img_size": 32, "patch_size": 8, "num_frames": 4, "tubelet_size": 2}
# for `videomamba train`
OPTIONS = ("--epochs", "2", "--frames", "4", "--size", "32", "--batch-size", "4", "--device", "cpu", "--workers", "0")


def on_each_step(monkeypatch, hook) -> None:
    """Has a function called after each batch of the runs that a command makes, with the trainer and the loss."""
    from videomamba.experiments import single_run as module

    train = module.train
    monkeypatch.setattr(module, "train", lambda *args, **options: train(*args, **{**options, "on_step": hook}))


def write_clips(root: Path, *, per_class: int = 5, frames: int = 8, seed: int = 0) -> Path:
    """``root/<colour>/<i>.mp4``: real h264 files of 32 x 32 pixels whose class any model can learn."""
    rng = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        (root / name).mkdir(parents=True)
        for i in range(per_class):
            noise = rng.integers(-25, 25, (frames, 32, 32, 3))
            video = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            write_video(root / name / f"{name}_{i}.mp4", video, fps=8)
    return root


def tiny_run(root: Path, output: Path, **optim: object) -> RunConfig:
    """A run of a few seconds on :func:`write_clips`' folder."""
    settings = {"epochs": 2, "batch_size": 4, "lr": 3e-3, "warmup_epochs": 0.5, "label_smoothing": 0.0, **optim}
    return RunConfig(
        name="tiny",
        data=DataConfig(root=root, workers=0),
        model=ModelChoice(overrides=MODEL, drop_path_rate=0.0),
        optim=dataclasses.replace(OptimConfig(), **settings),
        output=output,
        device="cpu",
    )


@contextlib.contextmanager
def small_swins() -> Iterator[None]:
    """Video Swin has one thin block per stage, and no shapes are remembered beyond."""

    def small(**settings: object) -> SwinTransformer3d:
        return SwinTransformer3d(**{**settings, "embed_dim": 24, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 4, 8]})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(video_swin, "SwinTransformer3d", small)
        tensors_of.cache_clear()
        yield
    tensors_of.cache_clear()


def quiet() -> Console:
    """A console that shows nothing."""
    return Console(file=io.StringIO())
