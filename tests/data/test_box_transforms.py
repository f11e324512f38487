"""Boxes follow the pixels that they were drawn around."""

import pytest
import torch

from videomamba.data.box_transforms import jittered, train_box_transform, whole_picture_transform
from videomamba.data.transforms import Augmentation

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def painted(seed, height=96, width=130, frames=2):
    """Black frames (T, 3, H, W) with a white box, and the box as fractions."""
    generator = torch.Generator().manual_seed(seed)
    x1, x2 = sorted((torch.rand(2, generator=generator) * (width - 12)).int().tolist())
    y1, y2 = sorted((torch.rand(2, generator=generator) * (height - 12)).int().tolist())
    x2, y2 = x2 + 12, y2 + 12
    video = torch.zeros(frames, 3, height, width, dtype=torch.uint8)
    video[:, :, y1:y2, x1:x2] = 255
    return video, torch.tensor([[x1 / width, y1 / height, x2 / width, y2 / height]])


def extent(picture):
    """x1, y1, x2, y2 of what is white in a (H, W) picture; None where nothing is."""
    where = (picture > 0.5).nonzero()
    if not len(where):
        return None
    (y1, x1), (y2, x2) = where.amin(0).tolist(), (where.amax(0) + 1).tolist()
    return torch.tensor([x1, y1, x2, y2]).float()


@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_boxes_follow_crop_flip_and_resize(size):
    transform = train_box_transform(size, **PLAIN, augmentation=Augmentation(scale=(0.1, 1.0), ratio=(0.5, 2.0)))
    left = cut = mirrored = 0
    for seed in range(120):
        video, box = painted(seed)
        torch.manual_seed(seed)
        out, moved = transform(video, box)
        assert out.shape == (3, 2, *size)
        assert torch.equal(out[:, 0], out[:, 1]), "one draw for all frames"
        found = extent(out[0, 0])
        if found is None:
            left += 1
            assert (moved[0, 2:] - moved[0, :2]).min() < 1.0, "the box is outside of the crop"
            continue
        assert (moved[0] - found).abs().max() <= 1.0, (seed, moved, found)
        cut += int(found.min() == 0)
        mirrored += 1
    assert min(left, cut, mirrored) > 5, "boxes inside, cut and outside were seen"


def test_a_flip_mirrors_the_box():
    video, box = painted(3)
    torch.manual_seed(0)
    whole = Augmentation(scale=(1.0, 1.0), ratio=(1.0, 1.0))
    seen = set()
    for _ in range(12):
        _, moved = train_box_transform((96, 130), **PLAIN, augmentation=whole)(video, box)
        seen.add(tuple(moved[0].round().int().tolist()))
    x1, y1, x2, y2 = (box[0] * torch.tensor([130, 96, 130, 96])).round().int().tolist()
    assert seen == {(x1, y1, x2, y2), (130 - x2, y1, 130 - x1, y2)}


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(96, 130, (64, 80)), (256, 478, (64, 112)), (90, 60, (96, 64))]
)
def test_the_whole_picture_has_whole_patches_and_its_boxes(height, width, expected):
    transform = whole_picture_transform(64, **PLAIN)
    for seed in range(20):
        video, box = painted(seed, height, width)
        out, moved = transform(video, box)
        assert out.shape[-2:] == expected
        assert (moved[0] - extent(out[0, 0])).abs().max() <= 1.0


def test_no_box_is_fine_and_rand_augment_is_refused():
    out, moved = train_box_transform((32, 32), **PLAIN, augmentation=Augmentation())(painted(0)[0], torch.empty(0, 4))
    assert out.shape == (3, 2, 32, 32)
    assert moved.shape == (0, 4)
    with pytest.raises(ValueError, match="rand_ops=2"):
        train_box_transform((32, 32), **PLAIN, augmentation=Augmentation(rand_ops=2))


def test_jitter_is_bounded_by_the_box_and_the_picture():
    boxes = torch.tensor([[0.2, 0.2, 0.4, 0.6], [0.0, 0.0, 1.0, 1.0]]).repeat(200, 1)
    moved = jittered(boxes, 0.1, torch.Generator().manual_seed(0))
    off = (moved - boxes)[::2].abs().amax(0)
    assert (off <= torch.tensor([0.02, 0.04, 0.02, 0.04]) + 1e-6).all()
    assert (off > torch.tensor([0.015, 0.03, 0.015, 0.03])).all()
    assert moved.min() >= 0
    assert moved.max() <= 1
