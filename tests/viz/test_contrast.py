"""The picture of steps inside and outside of a region has what it was given."""

import math
from dataclasses import dataclass

import pytest
import torch
from matplotlib import colors

from tests.viz.maps import FRAMES
from videomamba.viz.contrast import contrast_figure


@dataclass
class Row:
    layer: int
    direction: str
    ratio: float
    low: float
    high: float
    placed: float = 1.1
    placed_low: float = 1.0
    placed_high: float = 1.2


def rows(depth, low=0.9, high=1.3):
    return [Row(k, d, 1 + k / 10, low, high) for k in range(depth) for d in ("forward", "backward", "both")]


def test_values_intervals_and_the_region(tmp_path):
    region = torch.zeros(4, 32, 48)
    region[:, :, :24] = 1
    figure = contrast_figure(rows(6), FRAMES, region, title="model, 3 clips $x$")
    *shown, left, right = figure.axes
    assert len(shown) == 4
    drawn = shown[0].images[0].get_array()
    assert (drawn[:, :24] == FRAMES[0].movedim(0, -1).numpy()[:, :24]).all()
    assert drawn[:, 24:].mean() == pytest.approx(FRAMES[0, :, :, 24:].float().mean().item() / 4, rel=0.02)
    lines = {c.get_label(): c.lines[0] for c in left.containers}
    assert list(lines) == ["forward", "backward", "both"]
    assert lines["both"].get_ydata().tolist() == pytest.approx([1, 1.1, 1.2, 1.3, 1.4, 1.5])
    assert colors.to_hex(lines["forward"].get_color()) == "#0072b2"
    assert right.containers[0].lines[0].get_ydata().tolist() == pytest.approx([1.1] * 6)
    figure.savefig(tmp_path / "x.png")


def test_one_clip_has_no_interval(tmp_path):
    one = rows(24, math.nan, math.nan)
    contrast_figure(one, FRAMES[:1], torch.ones(1, 32, 48)).savefig(tmp_path / "x.png")
