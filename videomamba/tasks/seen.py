"""One clip of a file, both as the model gets it and as pictures for people."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from videomamba.data import VideoReader, eval_transform, make_sampler
from videomamba.models.config import Preprocessing
from videomamba.tasks.recognition import decoded_side


@dataclass(frozen=True, eq=False)
class SeenClip:
    """What a model sees of a video.

    Attributes:
        video: (3, T, H, W) float32, normalised: the model's input without its batch axis.
        frames: (T, 3, H, W) uint8, RGB: the same pixels before normalisation.
        timestamps: (T,) float64, seconds from the start of the file.
        indices: (T,) int64, places in the file, in presentation order.
    """

    video: Tensor
    frames: Tensor
    timestamps: Tensor
    indices: Tensor

    @property
    def frames_per_second(self) -> float:
        """The pace at which the clip plays as long as the video it was taken from; 1 for a single moment."""
        seconds = (self.timestamps[-1] - self.timestamps[0]).item()
        return (len(self.timestamps) - 1) / seconds if seconds > 0 else 1.0


def seen_clip(path: str | Path, preprocessing: Preprocessing) -> SeenClip:
    """The central clip of a file, chosen and prepared as :class:`Recognition` tests it.

    Raises:
        VideoError: the file cannot be read.
    """
    p = preprocessing
    with VideoReader(path) as reader:
        clip = reader.read(make_sampler(p.num_frames, p.stride)(reader.num_frames), short_side=decoded_side(p))
    video = eval_transform(p.size, p.mean, p.std)(clip.frames)
    mean, std = (torch.tensor(values)[:, None, None, None] for values in (p.mean, p.std))
    frames = ((video * std + mean) * 255).round().clamp(0, 255).to(torch.uint8).transpose(0, 1).contiguous()
    return SeenClip(video, frames, clip.timestamps, clip.indices)
