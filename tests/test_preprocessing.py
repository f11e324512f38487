"""A model's preprocessing: what it says, refuses, and keeps for another input."""

import pytest

from videomamba.preprocessing import Preprocessing


def test_it_says_what_it_takes():
    assert str(Preprocessing(8, 4, (112, 128))) == "8 frames 4 apart of 112 x 128"
    assert str(Preprocessing()) == "16 frames evenly over the video of 224 x 224"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sampling": "random"}, "sampling='random'; choose one of middle, sparse, ssv2"),
        ({"interpolation": "cubic"}, "interpolation='cubic'; choose one of bilinear, bicubic"),
        ({"crop": 0}, "crop=0; it must be above 0 and at most 1"),
        ({"crop": 1.5}, "crop=1.5; it must be above 0 and at most 1"),
        ({"crop": True}, "crop=True; it must be above 0 and at most 1"),
        ({"views": (4,)}, r"views=\(4,\); it must be 2 numbers"),
        ({"views": (0, 3)}, "views=0; it must be a whole number, at least 1"),
        ({"views": [4, 1.5]}, "views=1.5; it must be a whole number, at least 1"),
        ({"std": (0, 1, 1)}, "each must be above 0"),
        ({"size": 224}, "size=224; it must be 2 numbers"),
    ],
)
def test_values_that_no_clip_can_have(fields, message):
    with pytest.raises(ValueError, match=message):
        Preprocessing(**fields)


def test_lists_become_tuples():
    assert Preprocessing(views=[4, 3], size=[8, 8]) == Preprocessing(views=(4, 3), size=(8, 8))


def test_another_input():
    video = Preprocessing(8, sampling="sparse", views=(4, 3), crop=0.5)
    assert video.at_input(16, (64, 32)) == Preprocessing(16, size=(64, 32), sampling="sparse", views=(4, 3), crop=0.5)
    image = Preprocessing(1, crop=0.875, interpolation="bicubic")
    assert image.at_input(1, (448, 448)) == Preprocessing(1, size=(448, 448), crop=0.875, interpolation="bicubic")
    assert image.at_input(16, (224, 224)) == Preprocessing(16)
