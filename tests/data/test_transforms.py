"""Transforms act on a clip as a whole and end in the model's input."""

import torch

from videomamba.data import Augmentation, eval_transform, train_transform
from videomamba.preprocessing import Preprocessing

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)


def input_of(size, mean, std):
    return Preprocessing(size=size, mean=mean, std=std)


def test_evaluation_normalises_and_puts_channels_first():
    frames = torch.arange(2 * 3 * 8 * 8, dtype=torch.uint8).view(2, 3, 8, 8)
    video = eval_transform(input_of((8, 8), MEAN, STD))(frames)
    want = (frames.float() / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    assert video.dtype == torch.float32
    torch.testing.assert_close(video, want.transpose(0, 1))


def test_evaluation_takes_the_centre_without_squeezing():
    """A wide picture whose outer thirds are white: a square from its middle sees none of them."""
    frames = torch.full((2, 3, 30, 90), 255, dtype=torch.uint8)
    frames[..., 30:60] = 0
    video = eval_transform(input_of((10, 10), (0, 0, 0), (1, 1, 1)))(frames)
    assert video.shape == (3, 2, 10, 10)
    assert video[..., 1:-1].max() == 0
    assert eval_transform(input_of((20, 40), MEAN, STD))(frames).shape == (3, 2, 20, 40)
    assert eval_transform(input_of((64, 64), MEAN, STD))(frames).shape == (3, 2, 64, 64)


def test_evaluation_cuts_a_share_out_of_the_picture():
    """A white frame of 2 pixels around a black picture of 16: 0.8 of its side leaves the white out."""
    frames = torch.full((1, 3, 20, 20), 255, dtype=torch.uint8)
    frames[..., 2:18, 2:18] = 0
    whole, cut = (eval_transform(Preprocessing(1, None, (16, 16), (0, 0, 0), (1, 1, 1), crop=c)) for c in (1.0, 0.8))
    assert whole(frames).max() > 0.5
    assert cut(frames).max() == 0


def test_evaluation_resizes_with_the_models_interpolation():
    drawn = torch.randint(64, 192, (1, 3, 12, 12), generator=torch.Generator().manual_seed(0))
    frames = drawn.to(torch.uint8)  # far from 0 and 255, at which uint8 is cut off between the two passes
    for name in ("bilinear", "bicubic"):
        video = eval_transform(Preprocessing(1, None, (8, 8), (0, 0, 0), (1, 1, 1), interpolation=name))(frames)
        want = torch.nn.functional.interpolate(frames.float(), size=(8, 8), mode=name, antialias=True)
        torch.testing.assert_close(255 * video[:, 0], want[0].round().clamp(0, 255), atol=1.01, rtol=0)


def test_training_draws_once_for_the_whole_clip():
    still = torch.randint(0, 256, (1, 3, 40, 60), dtype=torch.uint8).expand(6, -1, -1, -1)
    transform = train_transform(input_of((16, 16), MEAN, STD), Augmentation(rand_ops=2, rand_deviation=0.5, erase=0.5))
    videos = [transform(still) for _ in range(4)]
    for video in videos:
        assert video.shape == (3, 6, 16, 16)
        assert all(torch.equal(video[:, 0], video[:, i]) for i in range(6))
    assert not torch.equal(videos[0], videos[1])


def test_randaugment_changes_more_than_place():
    """The whole picture, unflipped: only an operation of RandAugment can change it."""
    frames = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    still = {"flip": False, "scale": (1.0, 1.0), "ratio": (1.0, 1.0)}
    plain = train_transform(input_of((32, 32), MEAN, STD), Augmentation(**still))(frames)
    augmentation = Augmentation(rand_ops=1, rand_magnitude=7, **still)
    changed = [train_transform(input_of((32, 32), MEAN, STD), augmentation)(frames) for _ in range(10)]
    assert sum(not torch.equal(video, plain) for video in changed) >= 3
    torch.testing.assert_close(plain, eval_transform(input_of((32, 32), MEAN, STD))(frames))


def test_erasing_blanks_one_rectangle_in_all_frames():
    frames = torch.full((5, 3, 32, 32), 255, dtype=torch.uint8)
    still = Augmentation(flip=False, scale=(1.0, 1.0), ratio=(1.0, 1.0), erase=1.0)
    torch.manual_seed(0)
    video = train_transform(input_of((32, 32), MEAN, STD), still)(frames)
    erased = video == 0
    share = erased.float().mean()
    assert 0.01 < share < 0.4
    assert (erased == erased[:1, :1]).all(), "another rectangle in some frame or channel"


def test_crops_are_spread_along_the_longer_way():
    frames = torch.arange(90, dtype=torch.uint8).expand(2, 3, 30, 90)
    views = eval_transform(input_of((30, 30), (0, 0, 0), (1, 1, 1)), crops=3)(frames)
    assert views.shape == (3, 3, 2, 30, 30)
    assert (views[:, 0, 0, 0, 0] * 255).round().tolist() == [0, 30, 60]
    tall = frames.transpose(-1, -2)
    views = eval_transform(input_of((30, 30), (0, 0, 0), (1, 1, 1)), crops=3)(tall)
    assert (views[:, 0, 0, 0, 0] * 255).round().tolist() == [0, 30, 60]
    centre = eval_transform(input_of((30, 30), (0, 0, 0), (1, 1, 1)))(frames)
    assert torch.equal(eval_transform(input_of((30, 30), (0, 0, 0), (1, 1, 1)), crops=3)(frames)[1], centre)
