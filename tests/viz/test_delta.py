"""The delta picture: right rows, right values, right scale."""

import numpy as np
import pytest
import torch

from videomamba.viz.delta import default_layers, delta_figure

FRAMES = torch.randint(0, 256, (4, 3, 32, 48), dtype=torch.uint8)


def test_rows_and_columns_show_what_was_given(tmp_path):
    maps = torch.rand(6, 2, 2, 4, 6)
    figure = delta_figure(FRAMES, maps, layers=[0, 5], title="wave")
    axes = np.array(figure.axes).reshape(3, 2)
    for column in range(2):
        shown = axes[0, column].images[0].get_array()
        np.testing.assert_array_equal(shown, FRAMES[2 * column].permute(1, 2, 0).numpy())
    drawn = axes[2, 1].images[0]
    mean = maps[5].mean(0)
    want = torch.nn.functional.interpolate(mean[:, None], size=(32, 48), mode="bilinear")[:, 0]
    np.testing.assert_allclose(drawn.get_array(), want[1].numpy(), rtol=1e-6)
    assert drawn.cmap(0.0)[:3] == (0, 0, 0), "the smallest value is the darkest"
    assert axes[2, 0].images[0].get_clim() == axes[2, 1].images[0].get_clim() == (want.min(), want.max())
    assert f"{float(want.max()):.3f}" in axes[2, 0].get_ylabel()
    figure.savefig(tmp_path / "delta.png")
    assert (tmp_path / "delta.png").stat().st_size > 1000


def test_layers_are_spread_and_checked():
    assert default_layers(24) == [0, 6, 12, 17, 23]
    assert default_layers(2) == [0, 1]
    with pytest.raises(ValueError, match="there is no layer 6; this model has layers 0 to 5"):
        delta_figure(FRAMES, torch.rand(6, 2, 2, 4, 6), layers=[6])
