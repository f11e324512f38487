"""Configurations of segmenters that cannot be."""

import pytest
import torch

from videomamba.models import create_model


def test_mistakes_are_one_line(segmenter):
    for features, message in ((torch.zeros(1, 3, 9), "12 channels"), (torch.zeros(12, 9), "(B, 12, T)")):
        with pytest.raises(ValueError, match="features have shape") as caught:
            segmenter(features)
        assert message in str(caught.value)
    with pytest.raises(ValueError, match="mixer='lstm'"):
        create_model("asformer", mixer="lstm")
