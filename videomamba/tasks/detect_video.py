"""Actions of the boxes in one video."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from videomamba.data.box_transforms import whole_picture_transform
from videomamba.data.frame_folder import FrameFolder
from videomamba.data.keyframes import window
from videomamba.data.reader import VideoReader
from videomamba.models.detector import Detector
from videomamba.tasks.detection import window_stride

ScoredBox = tuple[tuple[float, float, float, float], float]


@dataclass(frozen=True)
class KeyframeActions:
    """What the boxes of one keyframe show.

    Attributes:
        timestamp: of the keyframe, as the boxes' file has it.
        frame: its index in the video.
        boxes: as fractions of the picture, with their detector's scores.
        scores: (N, C) of every action for every box, from 0 to 1.
    """

    timestamp: int
    frame: int
    boxes: tuple[ScoredBox, ...]
    scores: Tensor


@torch.inference_mode()
def detect_actions(
    model: Detector,
    reader: VideoReader | FrameFolder,
    keyframes: Mapping[int, tuple[int, Sequence[ScoredBox]]],
    *,
    device: torch.device,
) -> Iterator[KeyframeActions]:
    """Keyframe by keyframe, as :class:`videomamba.tasks.detection.Detection` tests them.

    Args:
        model: moved to the device and put in evaluation mode.
        reader: the video.
        keyframes: timestamp -> frame and boxes.
    """
    model.to(device).eval()
    p = model.preprocessing
    transform = whole_picture_transform(min(p.size), p.mean, p.std)
    for timestamp, (frame, boxes) in sorted(keyframes.items()):
        indices = window(frame, p.num_frames, window_stride(p), reader.num_frames)
        frames = reader.read(indices, short_side=2 * min(p.size)).frames
        video, pixels = transform(frames, torch.tensor([box for box, _ in boxes]))
        logits = model(video[None].to(device), pixels[None].to(device))
        yield KeyframeActions(timestamp, frame, tuple(boxes), logits[0].float().sigmoid().cpu())
