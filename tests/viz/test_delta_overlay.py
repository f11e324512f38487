"""One layer over a clip, one place over time."""

import numpy as np
import pytest
import torch

from videomamba.errors import UserError
from videomamba.viz.delta import DeltaRows, Drawing
from videomamba.viz.delta_overlay import overlay_film, token_at, token_figure, with_mark

MAPS = torch.rand(3, 2, 2, 2, 3, generator=torch.Generator().manual_seed(0)) + 0.1
HOW = Drawing(range(3), scale="shared", overlay=True)


def test_one_layer_has_the_scale_of_all():
    whole, one = DeltaRows.of(MAPS, (8, 12), HOW), DeltaRows.one(MAPS, (8, 12), 2, HOW)
    assert torch.equal(one.maps[0], whole.maps[2])
    assert one.limits == whole.limits[2:]
    own = DeltaRows.one(MAPS, (8, 12), 2, Drawing(range(3), scale="layer"))
    assert own.limits != one.limits
    with pytest.raises(UserError, match="there is no layer 7"):
        DeltaRows.one(MAPS, (8, 12), 7, HOW)


def test_each_frame_has_its_map():
    frames = torch.randint(256, (4, 3, 8, 12), dtype=torch.uint8)
    rows = DeltaRows.one(MAPS, (8, 12), 1, HOW)
    bare = list(overlay_film(frames, [0, 0, 1, 1], rows, opacity=0.0))
    assert np.abs(bare[3][..., 0].astype(float) - frames[3].float().mean(0).numpy()).max() <= 1
    full = list(overlay_film(frames, [0, 0, 1, 1], rows, opacity=1.0))
    assert (full[0] == full[1]).all()
    assert (full[1] != full[2]).any()


def test_a_place_and_its_mark():
    assert [token_at(*at, (80, 120), (2, 3)) for at in ((0, 0), (119, 79), (120, 80), (45, 41))] == [
        (0, 0),
        (1, 2),
        (1, 2),
        (1, 1),
    ]
    picture = np.full((80, 120, 3), 128, np.uint8)
    changed = (with_mark(picture, 1, 2, (2, 3)) != picture).any(2)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (40, 79, 80, 119)
    assert not changed[50:70, 90:110].any()


def test_the_step_size_of_a_place_over_time():
    figure = token_figure(MAPS, 1, 0, 2, seconds=[0.0, 0.5])
    forward, backward = figure.axes[0].lines
    assert forward.get_ydata().tolist() == MAPS[1, 0, :, 0, 2].tolist()
    assert backward.get_ydata().tolist() == MAPS[1, 1, :, 0, 2].tolist()
    assert forward.get_xdata().tolist() == [0.0, 0.5]
    token_figure(MAPS, 1, 0, 2).canvas.draw()
