"""Each control does to the frames what its name says, shown with frame numbers."""

import pytest
import torch

from videomamba.inference.perturb import SHUFFLES, one_frame, reversed_time, shuffled_frames


def numbered(clips: int = 6, frames: int = 16) -> torch.Tensor:
    """Clips whose pixels are 100 * clip + frame number."""
    numbers = torch.arange(frames) + 100 * torch.arange(clips)[:, None]
    return numbers[:, None, :, None, None].expand(clips, 3, frames, 2, 3).float().contiguous()


def order(video: torch.Tensor) -> torch.Tensor:
    assert torch.equal(video, video[:, :1, :, :1, :1].expand_as(video)), "a frame must stay in one piece"
    return video[:, 0, :, 0, 0]


def test_shuffle_permutes_the_frames_of_each_clip_on_its_own():
    video = numbered()
    shuffled = order(shuffled_frames(0)(video))
    assert torch.equal(shuffled.sort(1).values, order(video))
    orders = {tuple(row.tolist()) for row in shuffled % 100}
    assert len(orders) == 6
    assert tuple(range(16)) not in orders


def test_shuffle_goes_on_from_batch_to_batch_and_starts_again_with_its_seed():
    video, change = numbered(), shuffled_frames(3)
    first, second = change(video), change(video)
    assert not torch.equal(first, second)
    assert torch.equal(shuffled_frames(3)(video), first)
    assert not torch.equal(shuffled_frames(4)(video), first)


def test_one_frame_is_the_middle_one_all_the_time():
    assert torch.equal(order(one_frame(numbered())), (8 + 100 * torch.arange(6.0))[:, None].expand(6, 16))


def test_reversed_time():
    assert torch.equal(order(reversed_time(numbered(1)))[0], torch.arange(15.0, -1, -1))


@pytest.mark.parametrize(
    ("name", "frames", "want"),
    [
        ("none", 8, [1, 2, 3, 4, 5, 6, 7, 8]),
        ("block_wise", 8, [5, 6, 1, 2, 7, 8, 3, 4]),
        ("block_wise", 16, [9, 10, 11, 12, 1, 2, 3, 4, 13, 14, 15, 16, 5, 6, 7, 8]),
        ("block_wise", 9, [6, 7, 1, 2, 3, 8, 9, 4, 5]),
        ("pairwise", 8, [2, 1, 4, 3, 6, 5, 8, 7]),
        ("pairwise", 5, [2, 1, 4, 3, 5]),
        ("interleaved", 8, [1, 5, 2, 6, 3, 7, 4, 8]),
        ("interleaved", 7, [1, 5, 2, 6, 3, 7, 4]),
    ],
)
def test_the_papers_shuffles(name, frames, want):
    video = numbered(2, frames)
    assert (order(SHUFFLES[name](video)) % 100 + 1).tolist() == [want, want]
    assert torch.equal(video, numbered(2, frames)), "the clip itself stays"


@pytest.mark.parametrize("name", SHUFFLES)
@pytest.mark.parametrize("frames", [1, 2, 3, 15, 32])
def test_every_shuffle_keeps_every_frame(name, frames):
    got = order(SHUFFLES[name](numbered(1, frames)))[0]
    assert torch.equal(got.sort().values, torch.arange(float(frames)))
