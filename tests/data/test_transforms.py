"""Transforms act on a clip as a whole and end in the model's input."""

import torch

from videomamba.data import eval_transform, train_transform

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)


def test_evaluation_normalises_and_puts_channels_first():
    frames = torch.arange(2 * 3 * 8 * 8, dtype=torch.uint8).view(2, 3, 8, 8)
    video = eval_transform((8, 8), MEAN, STD)(frames)
    want = (frames.float() / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    assert video.dtype == torch.float32
    torch.testing.assert_close(video, want.transpose(0, 1))


def test_evaluation_takes_the_centre_without_squeezing():
    """A wide picture whose outer thirds are white: a square from its middle sees none of them."""
    frames = torch.full((2, 3, 30, 90), 255, dtype=torch.uint8)
    frames[..., 30:60] = 0
    video = eval_transform((10, 10), (0, 0, 0), (1, 1, 1))(frames)
    assert video.shape == (3, 2, 10, 10)
    assert video[..., 1:-1].max() == 0
    assert eval_transform((20, 40), MEAN, STD)(frames).shape == (3, 2, 20, 40)
    assert eval_transform((64, 64), MEAN, STD)(frames).shape == (3, 2, 64, 64)


def test_training_draws_once_for_the_whole_clip():
    still = torch.randint(0, 256, (1, 3, 40, 60), dtype=torch.uint8).expand(6, -1, -1, -1)
    transform = train_transform((16, 16), MEAN, STD, randaugment=9)
    videos = [transform(still) for _ in range(4)]
    for video in videos:
        assert video.shape == (3, 6, 16, 16)
        assert all(torch.equal(video[:, 0], video[:, i]) for i in range(6))
    assert not torch.equal(videos[0], videos[1])


def test_flip_can_be_left_out():
    ramp = torch.arange(64, dtype=torch.uint8).expand(2, 3, 64, 64)  # brighter to the right
    for flip in (True, False):
        transform = train_transform((32, 32), MEAN, STD, flip=flip)
        rising = {bool((v := transform(ramp))[0, 0, 0, -1] > v[0, 0, 0, 0]) for _ in range(40)}
        assert rising == ({True, False} if flip else {True})


def test_randaugment_changes_more_than_place():
    """The whole picture, unflipped: only an operation of RandAugment can change it."""
    frames = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    still = {"flip": False, "scale": (1.0, 1.0), "ratio": (1.0, 1.0)}
    plain = train_transform((32, 32), MEAN, STD, **still)(frames)
    changed = [train_transform((32, 32), MEAN, STD, randaugment=20, **still)(frames) for _ in range(10)]
    assert sum(not torch.equal(video, plain) for video in changed) >= 3
    torch.testing.assert_close(plain, eval_transform((32, 32), MEAN, STD)(frames))
