"""RandAugment: its policy, and that operations do what they are named."""

import math

import pytest
import torch

from videomamba.data.randaugment import OPERATIONS, Operation, RandAugment


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
