"""The three backward orders, built by hand on a grid of 2 frames of 2 x 3 tokens."""

import pytest

from videomamba.nn.order import backward_order

GRID = (2, 2, 3)


def test_class_token_first():
    """Tokens: 0 is the class token, frame 0 holds 1..6, frame 1 holds 7..12; the class token is visited last."""
    assert backward_order("spatio_temporal", GRID, 0) is None  # a plain flip
    assert backward_order("spatial", GRID, 0).tolist() == [6, 5, 4, 3, 2, 1, 12, 11, 10, 9, 8, 7, 0]
    assert backward_order("temporal", GRID, 0).tolist() == [7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 0]


def test_class_token_in_the_middle():
    """Frame 0 holds 0..5, the class token is 6, frame 1 holds 7..12: mirrored, the class token stays in the middle."""
    assert backward_order("spatial", GRID, 6).tolist() == [5, 4, 3, 2, 1, 0, 6, 12, 11, 10, 9, 8, 7]
    assert backward_order("temporal", GRID, 6).tolist() == [7, 8, 9, 10, 11, 12, 6, 0, 1, 2, 3, 4, 5]


def test_class_token_last():
    """Behind the frames in ``spatial`` too, so that no frame sees a later one through it; mirrored in the others."""
    assert backward_order("spatial", GRID, 12).tolist() == [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12]
    assert backward_order("temporal", GRID, 12).tolist() == [12, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5]
    assert backward_order("spatio_temporal", GRID, 12) is None


def test_unknown_order_lists_the_known():
    with pytest.raises(ValueError, match=r"unknown backward_order 'diagonal'; choose one of spatio_temporal, spatial"):
        backward_order("diagonal", GRID, 0)
