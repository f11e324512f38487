"""The models that VideoMamba is compared with are those that were published."""

import pytest
import torch

from benchmarks.models.operations import count
from benchmarks.models.peers import MODELS, OF_TRANSFORMERS, make_model


@pytest.mark.parametrize(
    ("name", "frames", "giga", "mega"),
    [("video_swin_t", 32, 88, 28.2), ("videomae_s", 16, 57, 22), ("timesformer", 8, 196, 121.4)],
)
def test_costs_are_the_published_ones(name, frames, giga, mega):
    """Paper, table of costs; its Video Swin-T has 27.8 M parameters, torchvision's 28.2."""
    if name in OF_TRANSFORMERS:
        pytest.importorskip("transformers", reason="pip install --group benchmark")
    row = count(name, frames, 224)
    assert row.multiply_adds / 1e9 == pytest.approx(giga, rel=0.01)
    assert row.parameters / 1e6 == pytest.approx(mega, rel=0.01)


def test_factorised_attention_costs_as_much_per_step():
    """Four layers over the class tokens are next to nothing."""
    pytest.importorskip("transformers", reason="pip install --group benchmark")
    few, many = (count("vivit_factorised", frames, 224) for frames in (8, 16))
    assert many.multiply_adds / few.multiply_adds == pytest.approx(2, rel=1e-2)
    assert few.multiply_adds / 1e9 == pytest.approx(70.9, abs=0.05)


@pytest.mark.parametrize("name", MODELS)
def test_a_video_becomes_logits(name):
    if name in OF_TRANSFORMERS:
        pytest.importorskip("transformers", reason="pip install --group benchmark")
    with torch.device("meta"):
        model = make_model(name, 8, 112).eval()
        assert model(torch.empty(2, 3, 8, 112, 112)).shape == (2, 400)
