"""Regions of a clip: what moves, people, boxes of a file, or masks, as a share of each pixel of the model's input."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.data import VideoReader, eval_transform
from videomamba.data.annotations import relative
from videomamba.data.model_clip import ModelClip
from videomamba.data.names import PICTURE_SUFFIXES, VIDEO_SUFFIXES
from videomamba.errors import UserError
from videomamba.inference.boxes import BoxFile
from videomamba.models.object_detector import ObjectDetector

Region = Callable[[Path, ModelClip], Tensor]  # a video and its clip -> (T, H, W) float32 in [0, 1], 1 is inside

_BOX_FILES = (".csv", ".json")
_MOVING = 0.25  # share of the pixels
_ASPECT = 0.02  # relative difference of two aspect ratios that are alike


def make_region(what: str, *, device: torch.device, tubelet: int = 1) -> Region:
    """The region that a word or a path names.

    Args:
        what: ``moving``: the quarter of all pixels that differ most from the clip's frame before; ``person``: boxes of
            torchvision's Faster R-CNN; a .csv or .json file of boxes as `videomamba detect` takes them; or a folder of
            masks, see :class:`Masks`.
        device: where Faster R-CNN computes.
        tubelet: frames of a token, which share the boxes that it finds.

    Raises:
        UserError: no such file or folder, or no weights of Faster R-CNN.
    """
    if what == "moving":
        return moving
    if what == "person":
        return People(device, tubelet)
    path = Path(what)
    if path.is_dir():
        return Masks(path)
    if path.is_file() and path.suffix.lower() in _BOX_FILES:
        return Boxes(path)
    raise UserError(f"there is no {what!r}; give moving, person, a folder of masks, or a csv or json file of boxes")


def moving(video: Path, clip: ModelClip) -> Tensor:
    """The quarter of all pixels of a clip that differ most from the frame before, as far as they differ at all.

    The first frame is compared with the second. A camera that moves makes much of the picture differ.

    Raises:
        UserError: a clip of one frame.
    """
    frames = clip.frames.float()
    if len(frames) < 2:
        raise UserError("a clip of one frame has nothing that moves; give a folder of masks, boxes, or person")
    change = (frames[1:] - frames[:-1]).abs().mean(1)
    change = F.avg_pool2d(torch.cat([change[:1], change]), 3, stride=1, padding=1)  # noise of single pixels
    least = change.flatten().quantile(1 - _MOVING)
    return ((change >= least) & (change > 0)).float()


class People:
    """Boxes around people, by Faster R-CNN on the middle frame of each tubelet.

    Args:
        device: where it computes.
        tubelet: frames that share boxes.

    Raises:
        UserError: the detector's weights are neither here nor can be downloaded.
    """

    def __init__(self, device: torch.device, tubelet: int) -> None:
        self.detector = ObjectDetector("person", threshold=0.8, device=device, instead="--compare BOXES.csv")
        self.tubelet = tubelet

    def __call__(self, video: Path, clip: ModelClip) -> Tensor:
        wanted = clip.indices[self.tubelet // 2 :: self.tubelet].tolist()
        with VideoReader(video) as reader:
            frames = [reader.read([index]).frames[0] for index in wanted]
        found = [[box for box, _ in self.detector(frame)] for frame in frames]
        height, width = frames[0].shape[-2:]
        return _filled([boxes for boxes in found for _ in range(self.tubelet)], height, width, clip)


class Boxes:
    """The boxes of a file, rows video,timestamp,x1,y1,x2,y2 with timestamps in seconds; the nearest in time count."""

    def __init__(self, file: Path) -> None:
        self.file = BoxFile(file)

    def __call__(self, video: Path, clip: ModelClip) -> Tensor:
        """
        Raises:
            UserError: the file has no box of this video.
        """
        with VideoReader(video) as reader:
            looks = self.file.of(video, reader)
            height, width = reader.read([0]).frames.shape[-2:]
        nearest = [min(looks, key=lambda look: abs(look.frame - frame)) for frame in clip.indices.tolist()]
        return _filled([[box for box, _ in look.boxes] for look in nearest], height, width, clip)


class Masks:
    """Masks by the name of the video: a video with as many frames, or a picture for all of them; bright is inside.

    Of ``films/jump/a.mp4`` it is ``jump/a`` or ``a`` in the folder, with any suffix of a video or picture.

    Args:
        folder: of the masks.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, video: Path, clip: ModelClip) -> Tensor:
        """
        Raises:
            UserError: no mask of this video, or one of another length or shape.
        """
        file = self._file(video)
        with VideoReader(video) as reader, VideoReader(file) as masks:
            if masks.num_frames not in (1, reader.num_frames):
                raise UserError(
                    f"{file} has {masks.num_frames} frames, {video} {reader.num_frames}; a mask has as many, or one"
                )
            size, of_mask = (one.read([0]).frames.shape[-2:] for one in (reader, masks))
            if abs(size[1] / size[0] / (of_mask[1] / of_mask[0]) - 1) > _ASPECT:
                raise UserError(
                    f"{file} is {of_mask[1]} x {of_mask[0]} and {video} {size[1]} x {size[0]}; a mask has its shape"
                )
            wanted = clip.indices.tolist() if masks.num_frames > 1 else [0] * len(clip.indices)
            return _as_input(masks.read(wanted).frames, clip)

    def _file(self, video: Path) -> Path:
        names = (f"{video.parent.name}/{video.stem}", video.stem)
        for name in names:
            for suffix in sorted(VIDEO_SUFFIXES | PICTURE_SUFFIXES):
                file = self.folder / f"{name}{suffix}"
                if file.is_file():
                    return file
        raise UserError(
            f"{self.folder} has no mask of {relative(video, Path.cwd())}; looked for {' and '.join(names)} with the "
            "suffix of a video or a picture"
        )


def _filled(boxes: list[list[tuple[float, float, float, float]]], height: int, width: int, clip: ModelClip) -> Tensor:
    """Boxes per frame, as fractions of the whole picture, as the model's input would see them."""
    canvas = torch.zeros(len(boxes), 3, height, width, dtype=torch.uint8)
    for frame, listed in zip(canvas, boxes, strict=True):
        for x1, y1, x2, y2 in listed:
            left, right = round(x1 * width), max(round(x1 * width) + 1, round(x2 * width))
            top, bottom = round(y1 * height), max(round(y1 * height) + 1, round(y2 * height))
            frame[:, top:bottom, left:right] = 255
    return _as_input(canvas, clip)


def _as_input(masks: Tensor, clip: ModelClip) -> Tensor:
    """(T, 3, h, w) uint8, bright inside, scaled and cropped as the clip was: (T, H, W) float32 in [0, 1]."""
    halves = (masks.float().mean(1, keepdim=True) > 127).to(torch.uint8).mul_(255).expand(-1, 3, -1, -1)
    plain = dataclasses.replace(clip.preprocessing, mean=(0, 0, 0), std=(1, 1, 1))
    return eval_transform(plain)(halves)[0]
