"""Mixing is for tasks with one label a clip."""

import pytest

from videomamba.engine.mixing import Mixing


def test_a_task_without_one_label_per_clip_is_refused():
    with pytest.raises(ValueError, match=r"mixup=0.5 and cutmix=0.0 need one label per clip"):
        Mixing(0.5, 0.0, 3, label=None)
