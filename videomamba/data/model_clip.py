"""From a video file to a model's input: the one way that everything which asks a model takes."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from videomamba.data.reader import DecoderName, VideoReader
from videomamba.data.sampling import make_sampler
from videomamba.data.transforms import eval_transform
from videomamba.preprocessing import Preprocessing


@dataclass(frozen=True, eq=False)
class ModelClip:
    """What a model sees of a video.

    Attributes:
        video: float32, normalised, without a batch axis: (3, T, H, W), or (V, 3, T, H, W) for several views.
        timestamps: (T,) float64, seconds from the start of the file, or (V * T,) in the order of the clips.
        indices: int64 of the same shape, the frames' places in the file, in presentation order.
        preprocessing: how the video was chosen and prepared.
    """

    video: Tensor
    timestamps: Tensor
    indices: Tensor
    preprocessing: Preprocessing

    @property
    def frames(self) -> Tensor:
        """(T, 3, H, W) uint8, RGB, or (V, T, 3, H, W): the same pixels before normalisation."""
        mean, std = (torch.tensor(v)[:, None, None, None] for v in (self.preprocessing.mean, self.preprocessing.std))
        pixels = ((self.video * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
        return pixels.transpose(-4, -3).contiguous()

    @property
    def frames_per_second(self) -> float:
        """The pace at which the clip plays as long as the video it was taken from; 1 for a single moment."""
        seconds = (self.timestamps[-1] - self.timestamps[0]).item()
        return (len(self.timestamps) - 1) / seconds if seconds > 0 else 1.0


def load_clip(
    path: str | Path,
    preprocessing: Preprocessing,
    *,
    num_clips: int = 1,
    num_crops: int = 1,
    decoder: DecoderName = "auto",
) -> ModelClip:
    """The central clip of a video, or several views of it, as models are evaluated with.

    Args:
        path: a video file.
        preprocessing: of the model, ``model.preprocessing``.
        num_clips: clips spread evenly over the video.
        num_crops: parts of each frame, spread along its longer side.
        decoder: see :class:`VideoReader`.

    Raises:
        VideoError: the file cannot be read.

    Example:
        >>> clip = videomamba.load_clip("clip.mp4", model.preprocessing)
        >>> clip.video.shape
        torch.Size([3, 8, 64, 64])
        >>> logits = model(clip.video[None])
    """
    with VideoReader(path, decoder=decoder) as reader:
        chosen = make_sampler(preprocessing).clips(reader.num_frames, num_clips)
        clip = reader.read([i for one in chosen for i in one], short_side=preprocessing.decoded_side)
    transform = eval_transform(preprocessing, crops=num_crops)
    views = [transform(frames) for frames in clip.frames.split(preprocessing.num_frames)]
    return ModelClip(joined_views(views), clip.timestamps, clip.indices, preprocessing)


def joined_views(clips: list[Tensor]) -> Tensor:
    """Clips (3, T, H, W), or (crops, 3, T, H, W) each, as one (3, T, H, W) or (clips * crops, 3, T, H, W)."""
    if clips[0].dim() == 5:
        return torch.cat(clips)
    return clips[0] if len(clips) == 1 else torch.stack(clips)
