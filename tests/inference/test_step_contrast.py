"""Steps inside of a region over those outside: by hand, and without what a place does by itself."""

import math

import pytest
import torch

from tests.tiny import MODEL, write_clips
from videomamba.data import load_clip
from videomamba.errors import UserError
from videomamba.inference.step_contrast import contrast_steps, t_quantile, token_weights, with_both
from videomamba.models import create_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return sorted(write_clips(tmp_path_factory.mktemp("clips") / "c", per_class=1).rglob("*.mp4"))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return create_model("videomamba_nano", num_classes=3, **MODEL).eval()


def left_half(video, clip):
    region = torch.zeros(4, 32, 32)
    region[:, :, :16] = 1
    return region


def test_ratios_are_those_of_geometric_means(model, videos):
    result = contrast_steps(model, videos, left_half, device=CPU)
    maps = [model.delta_maps(load_clip(v, model.preprocessing).video[None])[0].detach() for v in videos]
    logs = torch.stack([with_both(m).double().log() for m in maps])
    own = logs[..., :2].mean((-3, -2, -1)) - logs[..., 2:].mean((-3, -2, -1))
    assert (result.clips, result.without, result.inside) == (3, (), 0.5)
    assert [(r.layer, r.direction) for r in result.layers][:3] == [(0, "forward"), (0, "backward"), (0, "both")]
    for row, values in zip(result.layers, own.flatten(1).T, strict=True):
        assert row.ratio == pytest.approx(values.mean().exp().item())
        assert row.high / row.ratio == pytest.approx(math.exp(4.3027 * values.std().item() / 3**0.5), rel=1e-4)
        assert row.share == pytest.approx((values > 0).double().mean().item())
        # the region is at the same place in all clips: what is left differs between clips only, by nothing on average
        assert row.placed == pytest.approx(1)


def test_the_published_values_of_students_t():
    published = {
        1: 12.706,
        2: 4.303,
        3: 3.182,
        4: 2.776,
        5: 2.571,
        9: 2.262,
        19: 2.093,
        29: 2.045,
        120: 1.980,
        10**6: 1.960,
    }
    for freedom, value in published.items():
        assert t_quantile(freedom) == pytest.approx(value, rel=0.002), freedom


class Seer:
    """A model whose steps are a pattern of places, doubled in one half of each clip."""

    class config:
        grid = (2, 4, 4)

    def __init__(self, preprocessing):
        self.preprocessing, self.calls = preprocessing, 0
        self.places = torch.rand(1, 2, 2, 4, 4, generator=torch.Generator().manual_seed(0)) + 0.5

    def to(self, device):
        return self

    def eval(self):
        return self

    def delta_maps(self, video):
        maps = self.places.clone()
        maps[..., half(self.calls)] *= 2
        self.calls += 1
        return maps[None]


def half(call):
    return slice(0, 2) if call % 2 == 0 else slice(2, 4)


def test_what_a_place_does_by_itself_is_taken_out(model, videos):
    calls = iter(range(100))

    def region(video, clip):
        where = torch.zeros(4, 32, 32)
        at = half(next(calls))
        where[:, :, 8 * at.start : 8 * at.stop] = 1
        return where

    seer = Seer(model.preprocessing)
    result = contrast_steps(seer, videos[:2], region, device=CPU)
    for row in result.layers:  # the other clip is doubled in the other half: 2 inside and 1/2 outside, over it
        assert row.placed == pytest.approx(4)
        assert row.ratio == pytest.approx(2)


def test_clips_without_a_region_are_left_out(model, videos):
    def first_only(video, clip):
        return left_half(video, clip) if video == videos[0] else torch.ones(4, 32, 32)

    result = contrast_steps(model, videos, first_only, device=CPU)
    assert (result.clips, result.without) == (1, tuple(videos[1:]))
    assert math.isnan(result.layers[0].low)
    assert math.isnan(result.layers[0].placed)
    with pytest.raises(UserError, match="in none of 3 clips"):
        contrast_steps(model, videos, lambda video, clip: torch.zeros(4, 32, 32), device=CPU)


def test_weights_are_shares_of_pixels():
    region = torch.zeros(2, 4, 4)
    region[:, :, 0] = 1
    weights = token_weights(region, (1, 2, 2))  # half of each left token
    inside, outside = torch.tensor([0.5, 0, 0.5, 0]), torch.tensor([0.5, 1, 0.5, 1]) / 3
    assert weights.flatten().tolist() == pytest.approx((inside - outside).tolist())
    assert token_weights(torch.zeros(2, 4, 4), (1, 2, 2)) is None
    assert token_weights(torch.ones(2, 4, 4), (1, 2, 2)) is None
