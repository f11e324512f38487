"""Which frames of a video make a clip."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from videomamba.preprocessing import Preprocessing


@dataclass(frozen=True)
class DenseSampler:
    """``num_frames`` frames, ``stride`` source frames apart, from a random place or the middle (the paper's on K400).

    A video that is too short gives its last frame again.
    """

    num_frames: int
    stride: int

    def __call__(self, total: int, *, generator: torch.Generator | None = None) -> list[int]:
        """Indices into a video of ``total`` frames: a random clip with a generator, the central one without."""
        room = max(0, total - self._span)
        start = room // 2 if generator is None else int(torch.randint(room + 1, (), generator=generator))
        return self._from(start, total)

    def clips(self, total: int, num_clips: int) -> list[list[int]]:
        """``num_clips`` clips spread evenly from the first possible to the last; one is the central clip."""
        if num_clips == 1:
            return [self(total)]
        room = max(0, total - self._span)
        return [self._from(round(i * room / (num_clips - 1)), total) for i in range(num_clips)]

    @property
    def _span(self) -> int:
        return (self.num_frames - 1) * self.stride + 1

    def _from(self, start: int, total: int) -> list[int]:
        return [min(start + i * self.stride, total - 1) for i in range(self.num_frames)]


@dataclass(frozen=True)
class UniformSampler:
    """One frame from each of ``num_frames`` equal segments of the whole video: TSN's sampling (arXiv 1608.00859).

    A video that is too short repeats frames.
    """

    num_frames: int

    def __call__(self, total: int, *, generator: torch.Generator | None = None) -> list[int]:
        """Indices into a video of ``total`` frames: a random one of each segment with a generator, else its middle."""
        if generator is None:
            return self._at(total, [0.5] * self.num_frames)
        return self._at(total, torch.rand(self.num_frames, generator=generator).tolist())

    def clips(self, total: int, num_clips: int) -> list[list[int]]:
        """``num_clips`` clips that interleave: clip i takes the (i + 1/2) / num_clips part of every segment."""
        return [self._at(total, [(i + 0.5) / num_clips] * self.num_frames) for i in range(num_clips)]

    def _at(self, total: int, places: Sequence[float]) -> list[int]:
        # not tensors: after decoding nothing of PyTorch is in the caches, and they would cost a fifth of a millisecond
        return [min(total - 1, int((i + place) * total / self.num_frames)) for i, place in enumerate(places)]


Sampler = DenseSampler | UniformSampler


def make_sampler(preprocessing: Preprocessing) -> Sampler:
    """Dense with the model's stride, or uniform over the whole video where it has none."""
    if preprocessing.stride is None:
        return UniformSampler(preprocessing.num_frames)
    return DenseSampler(preprocessing.num_frames, preprocessing.stride)
