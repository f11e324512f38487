"""Annotated videos as clips for a model."""

from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor

from videomamba.data.annotations import VideoRecord
from videomamba.data.datasets.epochs import EpochDataset, drawing_from, mixed_seed
from videomamba.data.reader import DecoderName, VideoReader
from videomamba.data.sampling import Sampler
from videomamba.data.transforms import Transform


class Sample(TypedDict):
    """``video`` (3, T, H, W) float32, or (clips, 3, T, H, W); its ``label``; its ``index`` in the data set."""

    video: Tensor
    label: int
    index: int


class VideoDataset(EpochDataset[Sample]):
    """Reads, samples and transforms one video per item.

    What is random about item i in epoch e depends on (seed, e, i) alone: the order of loading and the number of workers
    change nothing, and the global random state is left as it was.

    Args:
        records: videos and labels.
        sampler: which frames make a clip.
        transform: frames (T, 3, H, W) uint8 -> (3, T, H, W) float32.
        train: draw clip and augmentation at random; otherwise the central clip.
        flip: turn every second training clip, on average, left to right; all its frames, or none.
        flip_pairs: labels that change places where a clip is turned.
        num_clips: clips per video in evaluation; more than one adds an axis in front.
        short_side: frames larger than this are shrunk as they are decoded.
        decoder: see :class:`VideoReader`.
        seed: of all draws.
    """

    def __init__(
        self,
        records: Sequence[VideoRecord],
        sampler: Sampler,
        transform: Transform,
        *,
        train: bool = False,
        flip: bool = False,
        flip_pairs: Sequence[tuple[int, int]] = (),
        num_clips: int = 1,
        short_side: int | None = None,
        decoder: DecoderName = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.records = tuple(records)
        self.sampler = sampler
        self.transform = transform
        self.train = train
        self.flip = flip and train
        self.mirrored = {a: b for pair in flip_pairs for a, b in (pair, reversed(pair))}
        self.num_clips = num_clips
        self.short_side = short_side
        self.decoder: DecoderName = decoder
        self.seed = seed
        self._memory: dict[int, Tensor] | None = None

    def keep_in_memory(self) -> None:
        """Decodes each video only once; worker processes keep those that they read. For small sets."""
        self._memory = {}

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Sample:
        record = self.records[index]
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, self.epoch, index))
        if self._memory is None:
            with VideoReader(record.path, decoder=self.decoder) as reader:
                clips = self._clips(reader.num_frames, generator)
                frames = reader.read([i for clip in clips for i in clip], short_side=self.short_side).frames
        else:
            whole = self._whole(index)
            clips = self._clips(len(whole), generator)
            frames = whole[[i for clip in clips for i in clip]]
        with drawing_from(generator):
            videos = [self.transform(clip) for clip in frames.split(len(clips[0]))]
            turned = self.flip and torch.rand(()).item() < 0.5
        if videos[0].dim() == 5:  # several crops of each clip
            videos = [crop for views in videos for crop in views]
        label = record.label
        if turned:
            videos, label = [video.flip(-1) for video in videos], self.mirrored.get(label, label)
        return {"video": videos[0] if len(videos) == 1 else torch.stack(videos), "label": label, "index": index}

    def _clips(self, num_frames: int, generator: torch.Generator) -> list[list[int]]:
        """Which frames to take: of one random clip in training, else of the evenly spread ones."""
        if self.train:
            return [self.sampler(num_frames, generator=generator)]
        return self.sampler.clips(num_frames, self.num_clips)

    def _whole(self, index: int) -> Tensor:
        """All frames of a video that is kept in memory."""
        assert self._memory is not None
        if index not in self._memory:
            with VideoReader(self.records[index].path, decoder=self.decoder) as reader:
                self._memory[index] = reader.read(range(reader.num_frames), short_side=self.short_side).frames
        return self._memory[index]
