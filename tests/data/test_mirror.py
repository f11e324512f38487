"""Classes that have a side, by their names."""

import pytest

from videomamba.data.mirror import Mirrored, mirrored_classes


@pytest.mark.parametrize(
    ("names", "pairs", "alone"),
    [
        (["down", "swipe_left", "swipe_right", "up"], ((1, 2),), set()),
        (["Pushing from left to right", "pushing from right to left"], ((0, 1),), set()),
        (["turn clockwise", "turn counterclockwise", "x"], ((0, 1),), set()),
        (["turn anticlockwise", "turn clockwise"], ((0, 1),), set()),
        (["Left Hook", "jab"], (), {0}),
        (["left-right", "jab"], (), {0}),
        (["left-right", "right-left"], ((0, 1),), set()),
        (["upright", "copyright", "bright", "leftover", "cleft"], (), set()),
        (["1", "2"], (), set()),
        (["clockwise left", "counterclockwise right", "clockwise right"], ((0, 1),), {2}),
    ],
)
def test_by_name(names, pairs, alone):
    assert mirrored_classes(names) == Mirrored(pairs, frozenset(alone))


def test_pairs_that_are_given_come_first():
    names = ["left", "north", "right", "south"]
    assert mirrored_classes(names, [("south", "north"), ("a", "b")]).pairs == ((0, 2), (1, 3))
    assert mirrored_classes(names, [("right", "north")]) == Mirrored(((1, 2),), frozenset({0}))
