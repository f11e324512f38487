"""Annotated videos as clips for a model."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypedDict
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from videomamba.data.annotations import VideoRecord
from videomamba.data.datasets.epochs import EpochDataset, drawing_from, mixed_seed
from videomamba.data.model_clip import joined_views, load_clip, load_pixels
from videomamba.data.reader import DecoderName, VideoReader
from videomamba.data.sampling import make_sampler
from videomamba.data.transforms import Augmentation, eval_transform, input_transform, train_transform
from videomamba.preprocessing import Preprocessing

# what records were decoded to, as long as they live, so that the runs of a study decode them once: what it is -> how it
# was made, of which file, and the frames
_DECODED: WeakKeyDictionary[VideoRecord, dict[str, tuple[Any, Tensor]]] = WeakKeyDictionary()


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
        preprocessing: of the model.
        augmentation: for training, with clips drawn at random; None gives the clips of :func:`load_clip`.
        flip_pairs: labels that change places where a clip is turned.
        never_flipped: labels whose clips stay as they are.
        num_clips, num_crops: views per video in evaluation; more than one adds an axis in front.
        decoder: see :class:`VideoReader`.
        seed: of all draws.
    """

    def __init__(
        self,
        records: Sequence[VideoRecord],
        preprocessing: Preprocessing,
        *,
        augmentation: Augmentation | None = None,
        flip_pairs: Sequence[tuple[int, int]] = (),
        never_flipped: Collection[int] = (),
        num_clips: int = 1,
        num_crops: int = 1,
        decoder: DecoderName = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.records = tuple(records)
        self.preprocessing = preprocessing
        self.sampler = make_sampler(preprocessing)
        self.train = augmentation is not None
        if augmentation is None:
            self.transform, self.flip = eval_transform(preprocessing, crops=num_crops), False
            self.to_input = input_transform(preprocessing)
        else:
            self.transform, self.flip = train_transform(preprocessing, augmentation), augmentation.flip
        self.mirrored = {a: b for pair in flip_pairs for a, b in (pair, reversed(pair))}
        self.never_flipped = frozenset(never_flipped)
        self.num_clips = num_clips
        self.num_crops = num_crops
        self.decoder: DecoderName = decoder
        self.seed = seed
        self._memory: dict[int, Tensor] | None = None

    def keep_in_memory(self) -> None:
        """Decodes each video only once; worker processes keep those that they read. For small sets.

        Kept are whole videos for training and the clips of a test, as long as the records live: other data sets of the
        same records find them.
        """
        self._memory = {}

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Sample:
        record, label = self.records[index], self.records[index].label
        if not self.train and self._memory is None:
            views = {"num_clips": self.num_clips, "num_crops": self.num_crops}
            clip = load_clip(record.path, self.preprocessing, **views, decoder=self.decoder)
            return {"video": clip.video, "label": label, "index": index}
        if not self.train and self.num_crops == 1:
            return {"video": joined_views([*self.to_input(self._tested(index))]), "label": label, "index": index}
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, self.epoch, index))
        if self._memory is None:
            with VideoReader(record.path, decoder=self.decoder) as reader:
                clips = self._clips(reader.num_frames, generator)
                frames = reader.read(clips[0], short_side=self.preprocessing.decoded_side).frames
        else:
            whole = self._whole(index)
            clips = self._clips(len(whole), generator)
            frames = whole[[i for clip in clips for i in clip]]
        with drawing_from(generator):
            video = joined_views([self.transform(clip) for clip in frames.split(len(clips[0]))])
            turned = self.flip and torch.rand(()).item() < 0.5 and label not in self.never_flipped
        if turned:
            video, label = video.flip(-1), self.mirrored.get(label, label)
        return {"video": video, "label": label, "index": index}

    def _clips(self, num_frames: int, generator: torch.Generator) -> list[list[int]]:
        """Which frames to take: of one random clip in training, else of the evenly spread ones."""
        if self.train:
            return [self.sampler(num_frames, generator=generator)]
        return self.sampler.clips(num_frames, self.num_clips)

    def _whole(self, index: int) -> Tensor:
        """All frames of a video that is kept in memory."""

        def decode(record: VideoRecord) -> Tensor:
            with VideoReader(record.path, decoder=self.decoder) as reader:
                return reader.read(range(reader.num_frames), short_side=self.preprocessing.decoded_side).frames

        return self._remembered(index, "whole", (self.decoder, self.preprocessing.decoded_side), decode)

    def _tested(self, index: int) -> Tensor:
        """The clips of a test that are kept in memory: (V, T, 3, H, W) uint8."""

        def decode(record: VideoRecord) -> Tensor:
            how = {"num_clips": self.num_clips}
            return load_pixels(record.path, self.preprocessing, **how, decoder=self.decoder).pixels

        return self._remembered(index, "tested", (self.decoder, self.preprocessing, self.num_clips), decode)

    def _remembered(self, index: int, what: str, how: Any, decode: Callable[[VideoRecord], Tensor]) -> Tensor:
        """What this data set has, or what another one left of the same file, else decoded now."""
        assert self._memory is not None
        if index not in self._memory:
            record = self.records[index]
            made, kept = (how, _version(record)), _DECODED.setdefault(record, {})
            if what not in kept or kept[what][0] != made:
                kept[what] = (made, decode(record))
            self._memory[index] = kept[what][1]
        return self._memory[index]


def _version(record: VideoRecord) -> tuple[int, int] | None:
    """Tells a file from the one that replaces it; None where there is none, which reading it says."""
    try:
        there = record.path.stat()
    except OSError:
        return None
    return there.st_mtime_ns, there.st_size
