"""A tiny recogniser that tells three colours apart, and films of them whose truth is known."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from tests.tiny import COLOURS, MODEL
from videomamba.data.synthetic import write_video
from videomamba.models import create_model
from videomamba.preprocessing import Preprocessing

PREPARED = Preprocessing(num_frames=4, stride=1, size=(32, 32))


def colour_frames(names: list[str], *, each: int, seed: int = 0) -> np.ndarray:
    """(T, 32, 32, 3) uint8: ``each`` frames of every colour named, in order, with noise."""
    rng = np.random.default_rng(seed)
    parts = [np.array(COLOURS[name]) + rng.integers(-25, 25, (each, 32, 32, 3)) for name in names]
    return np.clip(np.concatenate(parts), 0, 255).astype(np.uint8)


def write_colours(path: Path, names: list[str], *, each: int, fps: int = 10) -> Path:
    """A film of :func:`colour_frames`."""
    write_video(path, colour_frames(names, each=each), fps=fps)
    return path


def colour_model(folder: Path, **changes: object) -> Path:
    """Trains the model for some seconds and saves it there."""
    torch.manual_seed(0)
    options = {**MODEL, "class_names": sorted(COLOURS), "preprocessing": PREPARED, **changes}
    model = create_model("videomamba_nano", **options)
    mean, std = (torch.tensor(x).view(3, 1, 1, 1) for x in (PREPARED.mean, PREPARED.std))
    base = torch.tensor([COLOURS[name] for name in sorted(COLOURS)]) / 255
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(40):
        labels = torch.randint(3, (8, 4))  # a colour per frame: a mixture has the colour of most of its frames
        labels[:, 1:] = torch.where(torch.rand(8, 3) < 0.8, labels[:, :1], labels[:, 1:])
        clips = base[labels].permute(0, 2, 1)[..., None, None].expand(8, 3, 4, 32, 32)
        clips = (clips + 0.1 * torch.rand_like(clips) - 0.05 - mean) / std
        shares = F.one_hot(labels, 3).float().mean(1)
        loss = F.cross_entropy(model(clips), shares)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    return folder
