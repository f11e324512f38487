"""Which frames of a video make a clip."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from videomamba.preprocessing import Preprocessing, Sampling


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

    A video that is too short repeats frames. Where clip i of n takes its frames is a share of each segment:

    - ``middle``: (i + 1/2) / n;
    - ``sparse``: (i + 1) / (n + 1) of the segments of all frames but the last, as OpenGVLab's VideoMamba is tested on
      Kinetics, Breakfast and COIN (``Kinetics_sparse`` in its code);
    - ``ssv2``: i / n, and the middle for a single clip, as it is tested on Something-Something V2.
    """

    num_frames: int
    sampling: Sampling = "middle"

    def __call__(self, total: int, *, generator: torch.Generator | None = None) -> list[int]:
        """Indices into a video of ``total`` frames: a random one of each segment with a generator, else one clip's."""
        if generator is None:
            return self.clips(total, 1)[0]
        return self._at(total, torch.rand(self.num_frames, generator=generator).tolist())

    def clips(self, total: int, num_clips: int) -> list[list[int]]:
        """``num_clips`` clips that interleave."""
        if self.sampling == "sparse":
            return [self._sparse(total, i, num_clips) for i in range(num_clips)]
        first = 0.5 if self.sampling == "middle" or num_clips == 1 else 0.0
        return [self._at(total, [(i + first) / num_clips] * self.num_frames) for i in range(num_clips)]

    def _at(self, total: int, places: Sequence[float]) -> list[int]:
        # not tensors: after decoding nothing of PyTorch is in the caches, and they would cost a fifth of a millisecond
        return [min(total - 1, int((i + place) * total / self.num_frames)) for i, place in enumerate(places)]

    def _sparse(self, total: int, clip: int, num_clips: int) -> list[int]:
        segment = (total - 1) / self.num_frames
        place = int(segment / (num_clips + 1) * (clip + 1))
        return [min(total - 1, round(segment * i) + place) for i in range(self.num_frames)]


Sampler = DenseSampler | UniformSampler


def make_sampler(preprocessing: Preprocessing) -> Sampler:
    """Dense with the model's stride, or uniform over the whole video where it has none."""
    if preprocessing.stride is None:
        return UniformSampler(preprocessing.num_frames, preprocessing.sampling)
    return DenseSampler(preprocessing.num_frames, preprocessing.stride)
