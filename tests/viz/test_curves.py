"""What is said about depth follows from the numbers, either way."""

import numpy as np
import pytest
import torch

from videomamba.viz.curves import delta_curve, depth_trend, layer_steps, rank_correlation


def maps_of(means):
    return torch.tensor(means)[:, None, None, None, None].expand(-1, 2, 2, 3, 3)


def test_figures_of_every_layer_and_direction():
    maps = torch.rand(3, 2, 2, 4, 4)
    steps = layer_steps(maps)
    assert [(s.layer, s.direction) for s in steps] == [(i, d) for i in range(3) for d in ("forward", "backward")]
    for s in steps:
        own = maps[s.layer, ("forward", "backward").index(s.direction)]
        assert (s.mean, s.min, s.max) == pytest.approx((own.mean().item(), own.min().item(), own.max().item()))


@pytest.mark.parametrize(
    ("means", "said"),
    [
        (np.linspace(0.2, 0.1, 24), "0.2 in the first layer, 0.1 in the last; it falls with depth"),
        (np.linspace(0.1, 0.2, 24), "it rises with depth"),
        (np.array([0.1, 0.2] * 12), "no trend with depth"),
        (np.linspace(0.2, 0.1, 3), "no trend with depth"),  # three layers fall by chance in one of six models
        (np.full(24, 0.1), "no trend with depth"),
        (np.array([0.1]), "there is no depth to compare"),
    ],
)
def test_the_sentence_says_what_the_numbers_do(means, said):
    assert said in depth_trend(layer_steps(maps_of(means)))


def test_ranks_ignore_size():
    assert rank_correlation(np.array([1.0, 10, 100, 1000])) == pytest.approx(1)
    assert rank_correlation(np.array([4.0, 3, 1, 2])) == pytest.approx(-0.8)
    assert rank_correlation(np.array([2.0, 1, 1, 2])) == pytest.approx(0), "equal values share a rank"


def test_the_curve_shows_the_means():
    maps = torch.rand(5, 2, 2, 4, 4)
    (axis,) = delta_curve(layer_steps(maps), title="clip").axes
    for line, own in zip(axis.lines, maps.mean((2, 3, 4)).T, strict=True):
        np.testing.assert_allclose(line.get_ydata(), own, rtol=1e-6)
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["forward", "backward"]
    assert "rank correlation" in axis.get_title().replace("\n", " ")
