"""From a timestamp to a frame, and the frames around it."""

import pytest

from videomamba.data.keyframes import Keyframes, window


def test_a_timestamp_becomes_a_frame():
    ava, film = Keyframes.parse("ava"), 5400.0
    assert ava.seconds(902, film, is_folder=False) == 902
    assert ava.seconds(902, 901.5, is_folder=False) == 2, "minutes 15 to 30, cut out"
    assert ava.seconds(1798, 901.5, is_folder=True) == 898
    assert Keyframes.parse("1:0.5").seconds(3, 20, is_folder=False) == 1
    assert Keyframes.parse("even:4").seconds(4, 20, is_folder=False) == 17.5
    assert window(10, 4, 2, 100) == [6, 8, 10, 12]
    assert window(1, 4, 2, 8) == [0, 0, 1, 3]
    assert window(7, 4, 2, 8) == [3, 5, 7, 7]
    for text in ("even:0", "evenly:3", "1:-1", "x"):
        with pytest.raises(ValueError, match="give ava"):
            Keyframes.parse(text)
