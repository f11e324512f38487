"""Each control does to the frames what its name says, shown with frame numbers."""

import torch

from videomamba.engine.controls import one_frame, reversed_time, shuffled_frames


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
