"""From a video file to a model's input; everything that runs a model uses this."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from videomamba.data.clip import Clip
from videomamba.data.reader import DecoderName, VideoReader
from videomamba.data.sampling import make_sampler
from videomamba.data.transforms import eval_transform, pixel_transform
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
        """Frames per second at which the clip lasts as long as the part of the video it shows; 1 for one moment."""
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
    clip = _chosen_frames(path, preprocessing, num_clips, decoder)
    transform = eval_transform(preprocessing, crops=num_crops)
    views = [transform(frames) for frames in clip.frames.split(preprocessing.num_frames)]
    return ModelClip(joined_views(views), clip.timestamps, clip.indices, preprocessing)


@dataclass(frozen=True, eq=False)
class ClipPixels:
    """What a model sees of a video before normalisation, in a quarter of the memory of its input.

    Attributes:
        pixels: (V, T, 3, H, W) uint8, RGB, of V clips.
        start, end: seconds of the first and the last of these frames.
    """

    pixels: Tensor
    start: float
    end: float


def load_pixels(
    path: str | Path, preprocessing: Preprocessing, *, num_clips: int = 1, decoder: DecoderName = "auto"
) -> ClipPixels:
    """The frames of :func:`load_clip`; :func:`videomamba.data.transforms.input_transform` makes the same input of them.

    Args:
        path: a video file.
        preprocessing: of the model.
        num_clips: clips spread evenly over the video.
        decoder: see :class:`VideoReader`.

    Raises:
        VideoError: the file cannot be read.
    """
    clip = _chosen_frames(path, preprocessing, num_clips, decoder)
    pixels = pixel_transform(preprocessing)(clip.frames).unflatten(0, (-1, preprocessing.num_frames))
    return ClipPixels(pixels, clip.timestamps.min().item(), clip.timestamps.max().item())


@dataclass(frozen=True, eq=False)
class ClipFilm:
    """The source's frames from a clip's first to its last one, larger than the model sees them.

    Attributes:
        frames: (N, 3, h, w) uint8, RGB, the model's part of the picture.
        places: (N,) int64, the clip's frame that is nearest to each.
        seconds: (N,) float64 since the first one.
    """

    frames: Tensor
    places: Tensor
    seconds: Tensor


def clip_film(path: str | Path, clip: ModelClip, *, side: int = 320, most: int = 96) -> ClipFilm:
    """What plays while a model looks at one clip, to be shown to people.

    Args:
        path: of the clip's video.
        clip: one view.
        side: shorter side of the pictures, in pixels, about.
        most: frames; of a longer stretch every second, third ... one is taken.

    Raises:
        VideoError: the file cannot be read.
    """
    p = clip.preprocessing
    scale = max(1, round(side / min(p.size)))
    larger = replace(p, size=(p.size[0] * scale, p.size[1] * scale))
    first, last = int(clip.indices.min()), int(clip.indices.max())
    step = max(1, -(-(last - first + 1) // most))
    with VideoReader(path) as reader:
        taken = reader.read(range(first, last + 1, step), short_side=larger.decoded_side)
    places = (taken.indices[:, None] - clip.indices[None]).abs().argmin(1)
    frames = pixel_transform(larger)(taken.frames)
    return ClipFilm(frames, places, taken.timestamps - taken.timestamps[0])


def _chosen_frames(path: str | Path, preprocessing: Preprocessing, num_clips: int, decoder: DecoderName) -> Clip:
    """The frames of all clips, one clip after the other."""
    with VideoReader(path, decoder=decoder) as reader:
        chosen = make_sampler(preprocessing).clips(reader.num_frames, num_clips)
        return reader.read([i for one in chosen for i in one], short_side=preprocessing.decoded_side)


def joined_views(clips: list[Tensor]) -> Tensor:
    """Clips (3, T, H, W), or (crops, 3, T, H, W) each, as one (3, T, H, W) or (clips * crops, 3, T, H, W)."""
    if clips[0].dim() == 5:
        return torch.cat(clips)
    return clips[0] if len(clips) == 1 else torch.stack(clips)
