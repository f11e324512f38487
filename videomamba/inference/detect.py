"""What people in a video do, by a detector: from boxes to actions, and to a video that shows them."""

import itertools
import statistics
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from videomamba.data.box_transforms import whole_picture_transform
from videomamba.data.datasets.keyframe_clips import open_frames
from videomamba.data.frame_folder import FrameFolder
from videomamba.data.keyframes import window
from videomamba.data.reader import VideoReader
from videomamba.data.video_writer import video_file
from videomamba.errors import UserError
from videomamba.inference.boxes import FrameBoxes, find_boxes, look_times
from videomamba.inference.result import ActionBox, ClassScore, Keyframe
from videomamba.models import TrainedModel
from videomamba.models.object_detector import ObjectDetector
from videomamba.tasks.detection import Detection, window_stride

if TYPE_CHECKING:
    from videomamba.viz.boxes import DrawnBox

_LARGEST = 2160  # short side of a written video, 4K: the encoder buffers a dozen frames


def person_detector(device: torch.device) -> ObjectDetector:
    """Faster R-CNN for :func:`detect_people`.

    Raises:
        UserError: its weights cannot be downloaded.
    """
    return ObjectDetector("person", threshold=0.8, device=device)


def detect_people(
    model: TrainedModel, video: Path, detector: ObjectDetector, *, device: torch.device
) -> tuple[Keyframe, ...]:
    """The actions of the people that a detector finds once per second.

    Raises:
        VideoError: the video cannot be read.
        UserError: nobody is found.
    """
    with open_frames(video, fps=None) as reader:
        found = [look for look in find_boxes(reader, look_times(reader, 1.0), detector) if look.boxes]
        if not found:
            raise UserError(f"{video}: nobody is found")
        return tuple(detect_actions(model, reader, found, device=device))


@torch.inference_mode()
def detect_actions(
    model: TrainedModel, reader: VideoReader | FrameFolder, looks: Iterable[FrameBoxes], *, device: torch.device
) -> Iterator[Keyframe]:
    """Keyframe by keyframe, as :class:`videomamba.tasks.detection.Detection` evaluates them.

    Args:
        model: moved to the device and put in evaluation mode.
        reader: of the video.
        looks: frames with at least one box each.
        device: where to compute.
    """
    names = model.labels
    Detection(names).check_model(model)
    model.to(device).eval()
    p = model.preprocessing
    transform = whole_picture_transform(min(p.size), p.mean, p.std)
    for look in looks:
        indices = window(look.frame, p.num_frames, window_stride(p), reader.num_frames)
        frames = reader.read(indices, short_side=2 * min(p.size)).frames
        clip, pixels = transform(frames, torch.tensor([box for box, _ in look.boxes]))
        scores = model(clip[None].to(device), pixels[None].to(device))[0].float().sigmoid().tolist()
        boxes = tuple(
            ActionBox(box, score, tuple(_ranked(names, row)))
            for (box, score), row in zip(look.boxes, scores, strict=True)
        )
        yield Keyframe(look.timestamp, look.frame, reader.times[look.frame], boxes)


def _ranked(names: tuple[str, ...], row: list[float]) -> Iterator[ClassScore]:
    for index in sorted(range(len(row)), key=lambda i: -row[i]):
        yield ClassScore(names[index], index, row[index])


def write_film(
    path: Path, reader: VideoReader | FrameFolder, keyframes: list[Keyframe], *, threshold: float
) -> Iterator[int]:
    """Writes every frame with the boxes of the nearest keyframe, if one is near; yields the number of frames done.

    A video larger than 4K is scaled down to it.

    Args:
        path: of the video, which is moved there when it is complete.
        reader: of the video.
        keyframes: at least one.
        threshold: lowest probability of an action that is written at its box.
    """
    from videomamba.viz.boxes import draw_boxes

    times = reader.times
    moments = [keyframe.seconds for keyframe in keyframes]
    gaps = [b - a for a, b in itertools.pairwise(moments)]
    reach = statistics.median(gaps) / 2 + times.usual if gaps else 1.0  # seconds
    drawn = [[_drawn(box, threshold) for box in keyframe.boxes] for keyframe in keyframes]
    height, width = reader.read([0], short_side=_LARGEST).frames.shape[-2:]
    with video_file(path, height=height, width=width, fps=reader.fps, pixel_aspect=reader.pixel_aspect) as writer:
        for index, frame in enumerate(reader.stream(short_side=_LARGEST)):
            seconds = times[index]
            near = min(range(len(moments)), key=lambda i: abs(moments[i] - seconds))
            boxes = drawn[near] if abs(moments[near] - seconds) <= reach else []
            picture = draw_boxes(frame.permute(1, 2, 0).numpy(), boxes)
            writer.write(picture, None if times.is_constant else seconds)
            yield index + 1


def _drawn(box: ActionBox, threshold: float) -> "DrawnBox":
    from videomamba.viz.boxes import DrawnBox

    shown = (action for action in box.actions if action.probability >= threshold)
    return DrawnBox(box.box, [f"{action.label} {action.probability:.2f}" for action in shown])
