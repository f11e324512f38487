"""Mixing is for tasks with one label a clip."""

import pytest
import torch

from videomamba.engine.mixing import Mixing


def test_batches_without_labels_are_refused_in_words():
    with pytest.raises(ValueError, match="need one label a clip"):
        Mixing(0.5, 0.0, 3)({"video": torch.zeros(2, 3, 2, 4, 4)})
