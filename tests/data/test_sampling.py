"""Which frames make a clip."""

import numpy as np
import pytest
import torch

from videomamba.data import Clip, DenseSampler, UniformSampler, make_sampler
from videomamba.preprocessing import Preprocessing


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_dense_is_central_without_a_generator():
    assert DenseSampler(4, 2)(17) == [5, 7, 9, 11]  # spans 7 frames of 17: starts at 10 // 2
    assert DenseSampler(4, 2)(7) == [0, 2, 4, 6]


def test_dense_random_starts_cover_all_places():
    starts = {DenseSampler(3, 2)(8, generator=generator(i))[0] for i in range(60)}
    assert starts == {0, 1, 2, 3}
    assert all(DenseSampler(3, 2)(8, generator=generator(i))[1] - starts_ == 2 for i in range(5)
               for starts_ in [DenseSampler(3, 2)(8, generator=generator(i))[0]])  # fmt: skip


def test_dense_clamps_to_the_last_frame():
    assert DenseSampler(4, 3)(5) == [0, 3, 4, 4]
    assert DenseSampler(4, 3)(1) == [0, 0, 0, 0]


def test_dense_clips_spread_from_end_to_end():
    assert DenseSampler(2, 1).clips(10, 3) == [[0, 1], [4, 5], [8, 9]]
    assert DenseSampler(2, 1).clips(10, 1) == [DenseSampler(2, 1)(10)]


def test_uniform_takes_the_middle_of_each_segment():
    assert UniformSampler(4)(16) == [2, 6, 10, 14]
    assert UniformSampler(4)(4) == [0, 1, 2, 3]
    assert UniformSampler(4)(2) == [0, 0, 1, 1]
    assert UniformSampler(3)(1) == [0, 0, 0]


def test_uniform_random_frames_stay_in_their_segments():
    drawn = torch.tensor([UniformSampler(4)(16, generator=generator(i)) for i in range(200)])
    for segment in range(4):
        assert set(drawn[:, segment].tolist()) == set(range(4 * segment, 4 * segment + 4))


def test_uniform_clips_interleave():
    assert UniformSampler(2).clips(8, 2) == [[1, 5], [3, 7]]


def test_make_sampler():
    assert make_sampler(Preprocessing(8)) == UniformSampler(8)
    assert make_sampler(Preprocessing(8, 3)) == DenseSampler(8, 3)
    for frames, stride in ((0, 1), (4, 0)):
        with pytest.raises(ValueError, match="must be a whole number, at least 1"):
            Preprocessing(frames, stride)


def test_clip_checks_itself_and_says_its_shape():
    frames, place = torch.zeros(3, 3, 4, 6, dtype=torch.uint8), torch.arange(3)
    clip = Clip(frames, place, place.double() / 2, 2.0, "a.mp4")
    assert len(clip) == 3
    assert repr(clip) == "Clip(3 frames, 4 x 6, 0.00-1.00 s of a.mp4)"
    with pytest.raises(ValueError, match=r"frames are torch.float32 of shape \(3, 3, 4, 6\); expected uint8"):
        Clip(frames.float(), place, place.double(), 2.0, "a.mp4")
    with pytest.raises(ValueError, match=r"timestamps are torch.int64 of shape \(3,\); expected torch.float64"):
        Clip(frames, place, place, 2.0, "a.mp4")


def theirs_on_kinetics(total, frames, clip, clips):
    """As OpenGVLab's code takes frames from a sparse Kinetics video, in numbers."""
    segment = max(0.0, float(total - 1) / frames)
    starts = [int(np.round(segment * i)) for i in range(frames)]
    return [min(start + int(segment / (clips + 1) * (clip + 1)), total - 1) for start in starts]


@pytest.mark.parametrize("total", [1, 7, 16, 100, 251, 300])
def test_sparse_frames_are_those_of_opengvlabs_code(total):
    for frames, clips in ((8, 4), (16, 1), (32, 10)):
        got = UniformSampler(frames, "sparse").clips(total, clips)
        assert got == [theirs_on_kinetics(total, frames, clip, clips) for clip in range(clips)]
    assert UniformSampler(8, "sparse")(total) == UniformSampler(8, "sparse").clips(total, 1)[0]


def test_ssv2_frames_are_those_of_opengvlabs_code():
    """Two clips: the begin and the middle of each segment; one clip: the middle."""
    assert UniformSampler(4, "ssv2").clips(40, 2) == [[0, 10, 20, 30], [5, 15, 25, 35]]
    assert UniformSampler(4, "ssv2").clips(40, 1) == [[5, 15, 25, 35]]
    assert UniformSampler(8, "ssv2").clips(30, 2)[0] == [int(30 / 8 * i) for i in range(8)]


def test_training_draws_from_the_whole_segment_whatever_the_test_takes():
    want = UniformSampler(4)(16, generator=generator())
    assert UniformSampler(4, "sparse")(16, generator=generator()) == want
