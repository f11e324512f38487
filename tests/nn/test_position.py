"""Position tables against their definitions, by hand on small tables."""

import math

import pytest
import torch

from videomamba.nn.position import from_image_table, initial_table, resize_table, sinusoidal_table


@pytest.fixture
def image_table():
    return torch.arange(2 * 3 * 4, dtype=torch.float32).view(2, 3, 4).sin()


def test_temporal_expansion_repeats_the_picture(image_table):
    video = from_image_table("temporal_expansion", image_table, (3, 2, 3))
    assert video.shape == (3, 2, 3, 4)
    assert all(torch.equal(frame, image_table) for frame in video)


def test_spatial_interpolation_is_a_tall_picture(image_table):
    tall = torch.nn.functional.interpolate(image_table.permute(2, 0, 1)[None], size=(6, 3), mode="bicubic")[0]
    video = from_image_table("spatial_interpolation", image_table, (3, 2, 3))
    for frame in range(3):
        for row in range(2):
            torch.testing.assert_close(video[frame, row], tall[:, 2 * frame + row].T)


def test_embed_dim_interpolation_takes_every_nth_value(image_table):
    video = from_image_table("embed_dim_interpolation", image_table, (2, 2, 3))
    vector = image_table[1, 2].tolist()
    stretched = []  # linear, half-pixel centres: value i lies at i / 2 - 1 / 4, clamped at the ends
    for i in range(8):
        place = min(max(i / 2 - 0.25, 0), 3)
        low = min(int(place), 2)
        stretched.append(vector[low] + (place - low) * (vector[low + 1] - vector[low]))
    torch.testing.assert_close(video[0, 1, 2], torch.tensor(stretched[0::2]))
    torch.testing.assert_close(video[1, 1, 2], torch.tensor(stretched[1::2]))


@pytest.mark.parametrize("kind", ["temporal_expansion", "spatial_interpolation", "embed_dim_interpolation"])
def test_one_frame_is_the_image_table(kind, image_table):
    torch.testing.assert_close(from_image_table(kind, image_table, (1, 2, 3))[0], image_table)


def test_sinusoidal_values():
    table = sinusoidal_table(5, 6)
    assert table[3, 0] == pytest.approx(math.sin(3))
    assert table[3, 5] == pytest.approx(math.cos(3 / 10000 ** (4 / 6)))
    assert torch.equal(initial_table("sinusoidal", (5, 1, 1), 6).flatten(0, 2), table)


def test_random_differs_between_frames_and_expansion_does_not():
    assert not torch.equal(*initial_table("random", (2, 2, 2), 8))
    assert torch.equal(*initial_table("temporal_expansion", (2, 2, 2), 8))


def test_resize_is_linear_in_time_and_bicubic_in_space():
    table = torch.zeros(2, 2, 2, 1)
    table[1] = 1
    resized = resize_table(table, (4, 4, 4))
    assert resized.shape == (4, 4, 4, 1)
    torch.testing.assert_close(resized[:, 0, 0, 0], torch.tensor([0.0, 0.25, 0.75, 1.0]))
    pictures = torch.randn(1, 3, 5, 2)
    want = torch.nn.functional.interpolate(pictures.permute(0, 3, 1, 2), size=(6, 4), mode="bicubic")
    torch.testing.assert_close(resize_table(pictures, (1, 6, 4)), want.permute(0, 2, 3, 1))
    assert torch.equal(resize_table(pictures, (1, 3, 5)), pictures)
