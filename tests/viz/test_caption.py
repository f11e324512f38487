"""The strip under a film's frames."""

import numpy as np
import pytest

from videomamba.viz.caption import Caption


def test_the_frame_is_untouched_and_bars_have_the_length_of_the_probability():
    caption = Caption(["run", "wave"], 120, 200)
    frame = np.full((120, 200, 3), 77, np.uint8)
    drawn = caption.draw(frame, np.array([0.25, 0.75], np.float32))
    assert drawn.shape == (caption.height, 200, 3)
    assert caption.height % 2 == 0
    assert (drawn[:120] == 77).all()
    blue = (drawn[120:] == (86, 180, 233)).all(-1).sum(1)
    lengths = [int(n) for n in dict.fromkeys(blue.tolist()) if n]
    assert lengths[0] > 2.5 * lengths[1]  # the best class first
    assert (drawn[120:] == 255).any()  # text


@pytest.mark.filterwarnings("ignore:no font that is installed")
def test_long_names_are_shortened_and_odd_ones_drawn():
    caption = Caption(["a" * 300, "Schütteln", "走る"], 40, 60, lines=9)
    drawn = caption.draw(np.zeros((40, 60, 3), np.uint8), np.array([0.2, 0.7, 0.1], np.float32))
    assert drawn.shape[1] == 60
    assert len(caption._fitting("a" * 300, 25)) < 20
