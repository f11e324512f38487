"""Keyframes as clips with boxes for a model."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor
from torchvision.ops import box_iou

from videomamba.data.box_transforms import BoxTransform, jittered
from videomamba.data.datasets.ava import BoxAnnotations, Keyframe
from videomamba.data.datasets.epochs import EpochDataset, drawing_from, mixed_seed
from videomamba.data.frame_folder import FrameFolder
from videomamba.data.keyframes import Keyframes, centre_frame, window
from videomamba.data.reader import VideoReader


class BoxSample(TypedDict):
    """One keyframe: ``video`` (3, T, H, W) float32; ``boxes`` (N, 4) in its pixels, ``whole_boxes`` (N, 4) the same as
    fractions of the whole picture; ``actions`` (N, C) 1 where a box shows an action; ``true_boxes`` (G, 4) and
    ``true_labels`` (G,) the annotated pairs of box and action; ``evaluated`` (C,) the classes that count; ``room`` the
    most boxes and pairs of any keyframe."""

    video: Tensor
    boxes: Tensor
    whole_boxes: Tensor
    actions: Tensor
    true_boxes: Tensor
    true_labels: Tensor
    evaluated: Tensor
    room: tuple[int, int]
    index: int


class KeyframeDataset(EpochDataset[BoxSample]):
    """Reads a window of frames around one keyframe per item; chance depends on (seed, epoch, index) alone.

    Args:
        part: the keyframes.
        num_frames, stride: of the window.
        transform: of frames and boxes together.
        train: draw at random, and take the boxes that ``options.train_boxes`` names; otherwise the detected boxes, or
            the annotated ones where no detector's are there.
        short_side: larger frames are shrunk as they are decoded.
        seed: of all draws.
    """

    def __init__(
        self,
        part: BoxAnnotations,
        *,
        num_frames: int,
        stride: int,
        transform: BoxTransform,
        train: bool = False,
        short_side: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.part = part
        self.num_frames, self.stride, self.short_side = num_frames, stride, short_side
        self.transform = transform
        self.train = train
        self.seed = seed
        self.keyframes = Keyframes.parse(part.options.keyframes)
        self.room = (
            max(1, *(len(r.truth) + len(r.detected) for r in part.records)),
            max(1, *(sum(len(labels) for _, labels in r.truth) for r in part.records)),
        )
        self._memory: dict[int, Tensor] | None = None
        self.evaluated = torch.tensor([i in part.evaluated for i in range(len(part.class_names))])

    def keep_in_memory(self) -> None:
        """Decodes each window only once; worker processes keep those that they read. For small sets."""
        self._memory = {}

    def __len__(self) -> int:
        return len(self.part)

    def __getitem__(self, index: int) -> BoxSample:
        record = self.part.records[index]
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, self.epoch, index))
        boxes, actions = self._boxes(record)
        if self.train and self.part.options.box_jitter:
            boxes = jittered(boxes, self.part.options.box_jitter, generator)
        frames = self._frames(index)
        with drawing_from(generator):
            video, moved = self.transform(frames, boxes)
        there = (moved[:, 2:] > moved[:, :2]).all(1)  # a crop may leave a box outside
        pairs = [(box, label) for box, labels in record.truth for label in labels]
        return {
            "video": video,
            "boxes": moved[there],
            "whole_boxes": boxes[there],
            "actions": actions[there],
            "true_boxes": torch.tensor([box for box, _ in pairs], dtype=torch.float32).reshape(-1, 4),
            "true_labels": torch.tensor([label for _, label in pairs], dtype=torch.int64),
            "evaluated": self.evaluated,
            "room": self.room,
            "index": index,
        }

    def _frames(self, index: int) -> Tensor:
        """(T, 3, H, W) uint8: the window around a keyframe."""
        if self._memory is not None and index in self._memory:
            return self._memory[index]
        record, options = self.part.records[index], self.part.options
        with open_frames(record.path, fps=options.folder_fps) as reader:
            centre = centre_frame(reader, self.keyframes, record.timestamp)
            indices = window(centre, self.num_frames, self.stride, reader.num_frames)
            frames = reader.read(indices, short_side=self.short_side).frames
        if self._memory is not None:
            self._memory[index] = frames
        return frames

    def _boxes(self, record: Keyframe) -> tuple[Tensor, Tensor]:
        """(N, 4) boxes as fractions and (N, C) actions."""
        if not self.train:
            use = "detected" if self.part.has_detections else "truth"
            return training_boxes(record, use, len(self.part.class_names), unlabeled="negative")
        options = self.part.options
        return training_boxes(record, options.train_boxes, len(self.part.class_names), unlabeled=options.unlabeled)


def training_boxes(record: Keyframe, use: str | None, num_classes: int, *, unlabeled: str) -> tuple[Tensor, Tensor]:
    """(N, 4) boxes as fractions and (N, C) actions, 1 or 0; detected boxes have those of the annotated box
    that they overlap most, by half at least. See :class:`videomamba.data.datasets.ava_options.AvaOptions`."""
    true_boxes = _boxes([box for box, _ in record.truth])
    true_actions = torch.zeros(len(record.truth), num_classes)
    for row, (_, labels) in zip(true_actions, record.truth, strict=True):
        row[list(labels)] = 1
    if use == "truth":
        return true_boxes, true_actions
    found = _boxes([box for box, _ in record.detected])
    actions = torch.zeros(len(found), num_classes)
    labelled = torch.zeros(len(found), dtype=torch.bool)
    if len(found) and len(true_boxes):
        overlap, nearest = box_iou(found, true_boxes).max(1)
        labelled = overlap >= 0.5
        actions[labelled] = true_actions[nearest[labelled]]
    if unlabeled == "ignore":
        found, actions = found[labelled], actions[labelled]
    if use == "detected":
        return found, actions
    return torch.cat([true_boxes, found]), torch.cat([true_actions, actions])


def open_frames(path: Path, *, fps: float | None) -> VideoReader | FrameFolder:
    """A video file, or a folder of frames at ``fps``, None for the assumed rate.

    Raises:
        VideoError: neither.
    """
    return FrameFolder(path, fps=fps) if path.is_dir() else VideoReader(path)


def _boxes(boxes: Sequence[Sequence[float]]) -> Tensor:
    return torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
