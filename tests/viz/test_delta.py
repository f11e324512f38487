"""Delta pictures, films and pages: right rows, right values, right scale, and every one says which."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.backends.backend_agg import FigureCanvasAgg

from tests.viz.maps import FRAMES, MAPS
from videomamba.viz.delta import DeltaRows, Drawing, default_layers, delta_figure, told_apart
from videomamba.viz.delta_video import delta_film


def drawn_axes(figure, rows):
    return np.array(figure.axes[: rows * 2]).reshape(rows, 2)


@pytest.mark.parametrize(("direction", "expected"), [("both", MAPS.mean(1)), ("backward", MAPS[:, 1])])
def test_rows_and_columns_show_what_was_given(direction, expected):
    figure = delta_figure(FRAMES, MAPS, Drawing(layers=[0, 5], direction=direction, scale="layer"), title="wave")
    axes = drawn_axes(figure, 3)
    for column in range(2):
        shown = axes[0, column].images[0].get_array()
        np.testing.assert_array_equal(shown, FRAMES[2 * column].permute(1, 2, 0).numpy())
    want = F.interpolate(expected[5][:, None], size=(32, 48), mode="bilinear")[:, 0]
    low, high = expected[5].quantile(0.01), expected[5].quantile(0.99)
    grey = ((want[1] - low) / (high - low)).clamp(0, 1) * 255
    got = axes[2, 1].images[0].get_array().astype(float)
    assert np.abs(got - grey.numpy()[..., None]).max() <= 2, "darker is not smaller, or the scale is another"
    assert f"{high:.3g} (bright)" in axes[2, 0].get_ylabel()
    said = figure.get_suptitle().replace("\n", " ")
    assert "wave" in said
    assert "each layer on its own linear scale" in said
    assert {"both": "both directions", "backward": "backward direction"}[direction] in said


def test_one_scale_is_one_and_stated_in_model_units(tmp_path):
    """The same step size has the same grey in every row, and the bar's ends are the limits."""
    figure = delta_figure(FRAMES, MAPS, Drawing(layers=[0, 5]))
    rows = DeltaRows.of(MAPS, (32, 48), Drawing(layers=[0, 5]))
    assert rows.limits[0] == rows.limits[1]
    first, last = (axis.images[0].get_array().mean() for axis in drawn_axes(figure, 3)[1:, 0])
    assert first < last / 2, "the first layer's steps are a hundred times smaller"
    bar = figure.axes[-1]
    assert [float(tick.get_text()) for tick in (bar.get_yticklabels()[0], bar.get_yticklabels()[-1])] == [
        float(f"{end:.2g}") for end in rows.limits[0]
    ]
    assert "one logarithmic scale" in figure.get_suptitle().replace("\n", " ")
    figure.savefig(tmp_path / "delta.png")
    assert (tmp_path / "delta.png").stat().st_size > 1000


@pytest.mark.parametrize(("moments", "height", "width"), [(1, 120, 48), (2, 64, 80), (2, 120, 48)])
@pytest.mark.parametrize("scale", ["layer", "shared"])
def test_a_narrow_picture_cuts_no_label(moments, height, width, scale):
    """Few moments leave little room beside the limits of each layer; the first drawing is the one that is saved."""
    frames = torch.zeros(2 * moments, 3, height, width, dtype=torch.uint8)
    maps = 0.02 + 0.002 * torch.rand(6, 2, moments, 4, 5, generator=torch.Generator().manual_seed(0))
    figure = delta_figure(frames, maps, Drawing(scale=scale), title="wave")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for axis in figure.axes:
        box = axis.get_tightbbox(canvas.get_renderer())
        assert box.x0 >= -1
        assert box.x1 <= figure.bbox.x1 + 1


def test_an_overlay_grows_in_lightness_and_keeps_the_frame():
    rows = DeltaRows.of(MAPS, (32, 48), Drawing(layers=[5]))
    black = torch.zeros(3, 32, 48, dtype=torch.uint8)
    lightness = rows.picture(0, 0, black) @ np.array([0.299, 0.587, 0.114])
    order = rows.maps[0, 0].flatten().argsort().numpy()
    assert np.diff(lightness.flatten()[order]).min() > -1.5, "a larger step is drawn darker"
    assert (rows.picture(0, 0, black) != rows.picture(0, 0, black + 200)).any()


def test_layers_are_spread_and_checked():
    assert default_layers(24) == [0, 6, 12, 17, 23]
    assert default_layers(2) == [0, 1]
    with pytest.raises(ValueError, match="there is no layer 6; this model has layers 0 to 5"):
        delta_figure(FRAMES, MAPS, Drawing(layers=[6]))


def test_long_clips_show_some_moments_only():
    figure = delta_figure(torch.zeros(64, 3, 16, 16, dtype=torch.uint8), torch.rand(1, 2, 32, 1, 1), columns=4)
    titles = [axis.get_title() for axis in figure.axes[:4]]
    assert titles == ["frame 0", "frame 20", "frame 42", "frame 62"]


def test_the_film_has_every_frame_and_moves_with_the_tubelets():
    film = list(delta_film(FRAMES, DeltaRows.of(MAPS, (32, 48), Drawing(layers=[1, 4]))))
    assert len(film) == 4
    assert film[0].shape == film[3].shape
    assert all(pixels % 2 == 0 for pixels in film[0].shape[:2])
    height = film[0].shape[0]
    panels = [picture[: height // 2, picture.shape[1] // 2 : -120] for picture in film]  # layer 1, without frames
    assert (panels[0] == panels[1]).all()
    assert (panels[1] != panels[2]).any()


def test_numbers_beside_the_scale_can_be_told_apart():
    assert told_apart([0.001, 0.0123, 0.1]) == ["0.001", "0.012", "0.1"]
    assert told_apart([0.02121, 0.02139, 0.0226]) == ["0.0212", "0.0214", "0.0226"]
    assert told_apart([0.02, 0.02]) == ["0.02", "0.02"]
