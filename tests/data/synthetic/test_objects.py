"""What is drawn: shapes of their outline, light at the head; backgrounds that are darker than objects."""

import numpy as np
import pytest
import torch

from videomamba.data.synthetic.objects import SHAPES, draw_background, draw_object


def opacity(shape, seed=0):
    return draw_object(np.random.default_rng(seed), shape=shape)[3]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_object_fills_most_of_its_square_and_not_its_corners(shape):
    drawn = draw_object(np.random.default_rng(1), shape=shape)
    assert drawn.shape == (4, 96, 96)
    assert drawn.dtype == torch.float32
    assert (drawn.min(), drawn.max()) >= (0, 0)
    assert drawn.max() <= 1
    assert drawn[3, 48, 48] == 1
    assert drawn[3, 0, 0] == 0


def test_a_disc_is_round_and_a_square_stands_on_its_corner():
    """Of the upright square around it a disc covers pi / 4, a square on its corner a half."""
    shares = {}
    for shape in ("disc", "square"):
        inside = opacity(shape) > 0.5
        shares[shape] = float(inside.sum() / (inside.any(1).sum() * inside.any(0).sum()))
    assert shares["disc"] == pytest.approx(np.pi / 4, abs=0.05)
    assert shares["square"] == pytest.approx(0.5, abs=0.03)


def test_the_head_is_brighter_than_the_tail():
    """Right is light, left is dim, over many draws; above the pale mark, which is no part of it."""
    left, right = 0.0, 0.0
    for seed in range(20):
        paint = draw_object(np.random.default_rng(seed))[:3].mean(0)
        left, right = left + float(paint[12:28, 26:38].mean()), right + float(paint[12:28, 58:70].mean())
    assert right > 1.3 * left


def test_backgrounds_are_dark_and_two_draws_differ():
    rng = np.random.default_rng(0)
    first, second = draw_background(rng, 40), draw_background(rng, 40)
    assert first.shape == (3, 40, 40)
    assert first.mean() < 0.4
    assert not torch.equal(first, second)
    assert torch.equal(first, draw_background(np.random.default_rng(0), 40))
