"""Configurations that cannot be are named."""

import re

import pytest

from videomamba.models import VideoMambaConfig


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_frames": 5}, "num_frames=5 must be divisible by tubelet_size=2"),
        ({"img_size": 20}, "img_size=20 must be divisible by patch_size=16"),
        ({"img_size": (32, 32, 32)}, "give one number, or height and width"),
        ({"depth": 0}, "depth=0; it must be a whole number, at least 1"),
        ({"backward_order": "sideways"}, "backward_order='sideways'; choose one of"),
        ({"pos_embed": "fourier"}, "pos_embed='fourier'; choose one of"),
        ({"cls_position": "end"}, "cls_position='end'; choose one of first, middle, last"),
        ({"drop_path_rate": 1.0}, "drop_path_rate=1.0; it must be at least 0 and below 1"),
        ({"backend": "gpu"}, "backend='gpu'; choose one of auto"),
    ],
)
def test_impossible_configurations_are_named(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        VideoMambaConfig(**change)
