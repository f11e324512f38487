"""SyntheticStills: single objects whose class a picture shows."""

import colorsys

import numpy as np
import pytest

from videomamba.data import VideoReader, read_folder
from videomamba.data.synthetic import SyntheticStills, render_still, write_synthetic


def test_classes_are_shapes_in_colours():
    names = SyntheticStills().class_names
    assert len(names) == 20
    assert list(names) == sorted(names)
    assert {name.split("_")[0] for name in names} == {"red", "yellow", "green", "blue"}
    assert {name.split("_")[1] for name in names} == {"egg", "disc", "square", "triangle", "star"}
    for bad in ("red", "pink_star", "red_cube", "star_red"):
        with pytest.raises(ValueError, match=f"unknown class '{bad}'; expected red"):
            render_still(bad, seed=0)


def test_a_seed_gives_one_picture():
    picture = render_still("red_star", seed=(1, 2))
    assert (picture.shape, picture.dtype) == ((1, 64, 64, 3), np.uint8)
    np.testing.assert_array_equal(picture, render_still("red_star", seed=(1, 2)))
    assert np.abs(picture.astype(int) - render_still("red_star", seed=(1, 3))).mean() > 3


@pytest.mark.parametrize(("colour", "hue"), [("red", 0.0), ("yellow", 0.15), ("green", 0.33), ("blue", 0.66)])
def test_the_object_has_its_colour(colour, hue):
    for seed in range(5):
        pixels = render_still(f"{colour}_disc", seed=seed)[0].reshape(-1, 3) / 255
        hues = np.array([colorsys.rgb_to_hsv(*p) for p in pixels])
        vivid = hues[(hues[:, 1] > 0.6) & (hues[:, 2] > 0.25)]
        assert len(vivid) > 100
        away = np.abs((vivid[:, 0] - hue + 0.5) % 1 - 0.5)
        assert np.median(away) < 0.14


def test_shapes_differ_in_outline_alone():
    """Drawn from one seed, two shapes differ where one covers the background and the other does not."""
    disc, star = (render_still(f"green_{shape}", seed=4)[0].astype(int) for shape in ("disc", "star"))
    changed = np.abs(disc - star).max(-1) > 12
    assert 0.02 < changed.mean() < 0.5


def test_files_of_one_frame_are_read_as_they_were_rendered(tmp_path):
    settings = SyntheticStills(train_per_class=1, test_per_class=1, size=32)
    root = write_synthetic(tmp_path / "stills", settings)
    parts = read_folder(root)
    assert parts["train"].class_names == settings.class_names
    assert (len(parts["train"]), len(parts["test"])) == (20, 20)
    for record in parts["test"].records[:5]:
        label = record.label
        with VideoReader(record.path) as reader:
            assert reader.num_frames == 1
            got = reader.read([0]).frames.permute(0, 2, 3, 1).numpy().astype(int)
        want = settings.render(settings.class_names[label], (0, 1, label, 0))
        assert got.shape == want.shape
        assert np.abs(got - want).mean() < 8
    with pytest.raises(ValueError, match="holds something else"):
        write_synthetic(root, SyntheticStills(train_per_class=2))
