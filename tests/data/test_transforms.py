"""Transforms act on a clip as a whole and end in the model's input."""

import math

import pytest
import torch

from videomamba.data import Augmentation, eval_transform, train_transform
from videomamba.data.randaugment import OPERATIONS, Operation, RandAugment
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


def test_randaugment_reads_magnitude_and_deviation_on_timms_scale(monkeypatch):
    """(9, 0.5): strength normal around 9 of 10, deviation 0.5, anew for each operation."""
    drawn = []
    recording = Operation(lambda clip, level: drawn.append(level) or clip, most=10.0)
    monkeypatch.setattr("videomamba.data.randaugment.OPERATIONS", {"Recording": recording})
    transform = RandAugment(1, 9.0, 0.5, 1.0)
    torch.manual_seed(0)
    for _ in range(2000):
        transform(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))
    strengths = torch.tensor(drawn)
    assert strengths.max() <= 10
    assert abs(strengths.median() - 9) < 0.05
    below = strengths[strengths < 9]  # above, 10 cuts the distribution off
    assert abs((9 - below).pow(2).mean().sqrt() - 0.5) < 0.05


def test_operations_are_drawn_evenly_and_signs_too(monkeypatch):
    drawn = []
    recording = {
        name: Operation(lambda clip, level, name=name: drawn.append((name, level)) or clip, o.most, o.signed)
        for name, o in OPERATIONS.items()
    }
    monkeypatch.setattr("videomamba.data.randaugment.OPERATIONS", recording)
    transform = RandAugment(1, 10.0, 0.0, 1.0)
    torch.manual_seed(0)
    for _ in range(2800):
        transform(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))
    for name, operation in OPERATIONS.items():
        levels = [level for other, level in drawn if other == name]
        assert 150 < len(levels) < 250, name
        assert {abs(level) for level in levels} == {operation.most}, name
        if operation.signed:
            assert 0.35 < sum(level < 0 for level in levels) / len(levels) < 0.65, name
        elif operation.most:
            assert min(levels) > 0, name


def test_an_operation_is_carried_out_with_its_chance(monkeypatch):
    done = []
    counting = Operation(lambda clip, _: done.append(1) or clip)
    monkeypatch.setattr("videomamba.data.randaugment.OPERATIONS", {"Counting": counting})
    torch.manual_seed(0)
    for prob, least, most in ((0.0, 0, 0), (0.5, 900, 1100), (1.0, 2000, 2000)):
        done.clear()
        transform = RandAugment(2, 9.0, 0.5, prob)
        for _ in range(1000):
            transform(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))
        assert least <= len(done) <= most, prob


@pytest.mark.parametrize("size", [(2, 3), (23, 40), (56, 48)])
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_keep_shape_and_input(name, size):
    clip = torch.randint(0, 256, (3, 3, *size), dtype=torch.uint8)
    before, operation = clip.clone(), OPERATIONS[name]
    for level in (0.0, operation.most, -operation.most) if operation.signed else (0.0, operation.most):
        got = operation.run(clip, level)
        assert (got.dtype, got.shape) == (torch.uint8, clip.shape)
        assert torch.equal(clip, before), "the clip itself was changed"
        if level == 0 and (operation.signed or name in ("Posterize", "Identity")):
            assert torch.equal(got, clip)


def test_operations_do_what_they_are_named():
    """On a frame whose pixels count up by 4 from left to right, at most of the strength."""
    frame = (4 * torch.arange(60, dtype=torch.uint8)).expand(1, 3, 60, 60)
    ran = {name: operation.run(frame, operation.most)[0, 0].int() for name, operation in OPERATIONS.items()}
    row = frame[0, 0, 0].int()
    middle = 30
    assert ran["TranslateX"][5].tolist() == [0] * 27 + row[:33].tolist()  # 150 / 331 of 60
    assert torch.equal(OPERATIONS["TranslateX"].run(frame, -150 / 331)[0, 0, 5, :33].int(), row[27:])
    assert (ran["TranslateY"][:27] == 0).all()
    assert torch.equal(ran["TranslateY"][27:], frame[0, 0, 27:].int())
    assert abs(ran["ShearX"][50, middle] - (row[middle] + 4 * 0.3 * 50.5)) <= 1
    upright = OPERATIONS["ShearY"].run(frame.mT, 0.3)[0, 0].int()
    assert (upright.mT - ran["ShearX"]).abs().max() <= 1
    assert abs(ran["Rotate"][middle, middle] - row[middle]) <= 4
    assert abs(ran["Rotate"][middle + 20, middle] - (row[middle] - 4 * 20 * math.tan(math.pi / 6))) <= 8
    assert torch.equal(ran["Brightness"][0], (row * 1.9).clamp(max=255).int())
    assert torch.equal(ran["Color"][0], row), "grey has no colour"
    assert ran["Contrast"][0, 0] == 0
    assert ran["Contrast"][0, -1] == 255
    assert torch.equal(ran["Sharpness"][5, 1:-1], row[1:-1]), "a ramp is as sharp as it can be"
    assert ran["Posterize"].unique().tolist() == [16 * i for i in range(15)]
    assert torch.equal(ran["Solarize"][0], 255 - row)
    assert ran["AutoContrast"][0, 0] == 0
    assert ran["AutoContrast"][0, -1] >= 254
    assert (ran["Equalize"][0, 1:] - ran["Equalize"][0, :-1]).max() <= 5


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
