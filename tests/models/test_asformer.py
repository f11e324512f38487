"""ASFormer against the released code."""

import json
from pathlib import Path

import pytest
import safetensors
import torch

from tests.models.segmenters import TINY
from tests.tiny import FIXTURES
from videomamba.models import ASFormer, create_model
from videomamba.models.segmenter_config import ASFormerConfig
from videomamba.models.weights import asformer
from videomamba.models.weights.tensor_file import TensorFile


def from_released(weights, config):
    """The model of a released file, with what no file tells from ``config``."""
    checkpoint = asformer.read(TensorFile(Path("split_1.model"), weights))
    return ASFormer.from_checkpoint(checkpoint, config)


def test_the_released_asformers_outputs():
    with safetensors.safe_open(FIXTURES / "asformer.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        theirs = json.loads(file.metadata()["config"])
    weights = {n.removeprefix("weights."): v.float() for n, v in tensors.items() if n.startswith("weights.")}
    theirs["embed_dim"] = theirs.pop("num_f_maps")
    theirs.pop("source")
    config = ASFormerConfig(**theirs)
    with torch.inference_mode():
        for dtype, close in ((torch.float32, 1e-5), (torch.float64, 1e-6)):
            segmenter = from_released(weights, config).to(dtype)
            ours = segmenter(tensors["input"].to(dtype))
            torch.testing.assert_close(ours, tensors["output"].to(dtype), atol=close, rtol=0)
        exact = from_released(weights, ASFormerConfig(**theirs, window_mask="exact"))
        assert (exact(tensors["input"].float()) - tensors["output"]).abs().max() > 1e-3  # the mask is felt
    with pytest.raises(ValueError, match=r"lacks tensor .*mixer\.key"):
        from_released({name: v for name, v in weights.items() if "key_conv" not in name}, config)


def test_the_ssm_looks_both_ways_and_farther_than_windows_reach():
    """Without the convolutions and the norms over time, which mix too."""
    torch.manual_seed(0)
    reach = {}
    for mixer in ("ssm_encoder", "attention"):
        segmenter = create_model("asformer", **{**TINY, "num_layers": 3}, mixer=mixer, window_mask="exact").eval()
        video = torch.randn(1, 16, 101, requires_grad=True)
        segmenter.encoder.layers[2].mixer(video, None, None)[0, :, 50].sum().backward()
        felt = video.grad[0].abs().sum(0).nonzero().flatten()
        reach[mixer] = (int(felt.min()), int(felt.max()))
    assert reach["ssm_encoder"][0] < 25
    assert reach["ssm_encoder"][1] > 75
    assert reach["attention"] == (48, 51)
