"""timm's eleven generic tests of a model (its tests/test_models.py) under their names, for videos; ten pass.

The eleventh, TorchScript, does not: PyTorch deprecates it.
"""

import pytest
import torch
import torch.fx
from torch import nn

from videomamba.models import create_model, list_models

NAMES = [name for name in list_models("videomamba_*") if not name.endswith("detector")]
SMALL = {"depth": 4, "embed_dim": 32, "img_size": 32, "num_frames": 4, "tubelet_size": 2}


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def made(name, **options):
    torch.manual_seed(0)
    return create_model(name, pretrained=False, **SMALL, **options)


def video_for(model, batch_size=1):
    return torch.randn(batch_size, *model.default_cfg["input_size"])


def test_model_forward(name):
    model = made(name).eval()
    outputs = model(video_for(model))
    assert outputs.shape == (1, 400)
    assert not outputs.isnan().any()


def test_model_backward(name):
    model = made(name, num_classes=42).train()
    outputs = model(video_for(model, 2))
    outputs.mean().backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None]
    assert not missing
    assert sum(p.numel() for p in model.parameters()) == sum(p.grad.numel() for p in model.parameters())
    assert outputs.shape == (2, 42)
    assert not outputs.isnan().any()


def check_names(model):
    cfg, names = model.default_cfg, model.state_dict().keys()
    assert f"{cfg['classifier']}.weight" in names
    assert f"{cfg['first_conv']}.weight" in names


def test_model_default_cfgs(name):
    """With features as a map: channels, then the grid."""
    model = made(name).eval()
    check_names(model)
    features = model.feature_map(video_for(model))
    assert features.shape == (1, model.num_features, 2, 2, 2)
    model.reset_classifier(0)
    assert model(video_for(model)).shape == (1, model.num_features)


def test_model_default_cfgs_non_std(name):
    """With features as tokens, and pooled ones before the head."""
    model = made(name).eval()
    check_names(model)
    features = model.forward_features(video_for(model))
    assert features.shape[-1] == model.num_features
    assert model.forward_head(features, pre_logits=True).shape == (1, model.head_hidden_size)
    model.reset_classifier(0)
    assert model.forward_head(features).shape == (1, model.num_features)
    assert model.forward_head(features, pre_logits=True).shape == (1, model.head_hidden_size)


def test_model_load_pretrained(name, tmp_path):
    """For another number of classes, after which only the head is new."""
    model = made(name)
    model.save_pretrained(tmp_path / "model")
    other = create_model(name, pretrained=str(tmp_path / "model"), num_classes=5, **SMALL)
    assert other.head.weight.shape == (5, 32)
    for key, value in model.state_dict().items():
        assert key.startswith("head.") or torch.equal(other.state_dict()[key], value), key


@pytest.mark.xfail(raises=Exception, strict=True, reason="TorchScript is deprecated by PyTorch")
def test_model_forward_torchscript(name):
    model = made(name).eval()
    torch.jit.script(model)(video_for(model))


def test_model_forward_features(name):
    """A feature per block of the channels and the stride that ``feature_info`` says."""
    model = made(name).eval()
    outputs = model.forward_intermediates(video_for(model), intermediates_only=True)
    assert len(outputs) == len(model.feature_info) >= 4
    for output, info in zip(outputs, model.feature_info, strict=True):
        assert output.shape[:2] == (1, info["num_chs"])
        assert output.shape[-1] == 32 // info["reduction"]
        assert isinstance(model.get_submodule(info["module"]), nn.Module)
        assert not output.isnan().any()


def test_model_forward_intermediates_features(name):
    """Of chosen blocks alone, without running those behind the last one."""
    model = made(name).eval()
    run = []
    for i, block in enumerate(model.blocks):
        block.register_forward_hook(lambda *_, i=i: run.append(i))
    outputs = model.forward_intermediates(video_for(model), [0, 2], stop_early=True, intermediates_only=True)
    assert (len(outputs), run) == (2, [0, 1, 2])


def test_model_forward_intermediates(name):
    model = made(name).eval()
    video = video_for(model)
    features, intermediates = model.forward_intermediates(video)
    assert torch.equal(features, model.forward_features(video))
    assert torch.equal(model.forward_head(features), model(video))
    assert len(intermediates) == 4


def test_model_forward_fx(name):
    model = made(name).eval()
    video = video_for(model)
    with torch.no_grad():
        torch.testing.assert_close(torch.fx.symbolic_trace(model)(video), model(video))


def test_model_backward_fx(name):
    model = made(name, num_classes=42).train()
    traced = torch.fx.symbolic_trace(model)
    traced(video_for(model, 2)).mean().backward()
    assert all(p.grad is not None for p in traced.parameters())
