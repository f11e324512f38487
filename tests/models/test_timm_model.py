"""What timm's tools ask of a model, for videos of five axes; timm's own generic tests are in test_timm_contract.py."""

import pytest
import torch
from torch import nn

import videomamba
from videomamba.models import VideoMamba, create_model, list_models

# every name at its own depth and width is slow; the contract is the same at any
SMALL = {"depth": 3, "embed_dim": 32, "img_size": 32, "num_frames": 4, "tubelet_size": 2, "num_classes": 5}
NAMES = [name for name in list_models("videomamba_*") if not name.endswith("detector")]


@pytest.fixture(params=NAMES)
def model(request):
    torch.manual_seed(0)
    return create_model(request.param, pretrained=False, **SMALL).eval()


@pytest.fixture
def video(model):
    return torch.randn(1, *model.default_cfg["input_size"])


def test_forward(model, video):
    logits = model(video)
    assert logits.shape == (1, model.num_classes)
    assert logits.isfinite().all()


def test_backward(model, video):
    model.train()
    logits = model(video)
    logits.mean().backward()
    assert logits.shape == (1, model.num_classes)
    assert logits.isfinite().all()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_default_cfg(model, video):
    cfg, names = model.default_cfg, model.state_dict().keys()
    assert model.pretrained_cfg == cfg
    assert cfg["num_classes"] == model.num_classes
    assert f"{cfg['classifier']}.weight" in names
    assert f"{cfg['first_conv']}.weight" in names
    assert (cfg["mean"], cfg["std"]) == (model.preprocessing.mean, model.preprocessing.std)
    features = model.forward_features(video)
    assert features.shape[-1] == model.num_features
    assert model.forward_head(features, pre_logits=True).shape == (1, model.head_hidden_size)


def test_without_a_classifier_features_come_out_pooled(model, video):
    model.reset_classifier(0)
    assert model(video).shape == (1, model.num_features)
    assert model.default_cfg["num_classes"] == 0
    model.reset_classifier(0, None)
    assert isinstance(model.get_classifier(), nn.Identity)
    model.reset_classifier(7)
    assert model(video).shape == (1, 7)


def test_a_pooling_that_the_model_has_not_is_refused(model):
    with pytest.raises(ValueError, match="global_pool='avg': VideoMamba has one way to pool"):
        model.reset_classifier(3, "avg")
    assert model.num_classes == 5


def test_forward_intermediates(model, video):
    final, intermediates = model.forward_intermediates(video)
    assert torch.equal(final, model.forward_features(video))
    assert len(intermediates) == len(model.feature_info) == 3
    for features, info in zip(intermediates, model.feature_info, strict=True):
        assert features.shape[:2] == (1, info["num_chs"])
        assert features.shape[2:] == (2, 32 // info["reduction"], 32 // info["reduction"])
        assert features.isfinite().all()
        assert isinstance(model.get_submodule(info["module"]), nn.Module)
    assert len(model.forward_intermediates(video, 2, intermediates_only=True)) == 2


def test_pruning_keeps_the_features_that_were_asked_for(model, video, tmp_path):
    want = model.forward_intermediates(video, [0, 1], intermediates_only=True, norm=True)
    assert model.prune_intermediate_layers([0, 1]) == [0, 1]
    assert (len(model.blocks), model.config.depth, model.num_classes) == (2, 2, 0)
    final, got = model.forward_intermediates(video, [0, 1], norm=True)
    for a, b in zip(got, want, strict=True):
        assert torch.equal(a, b)
    assert torch.equal(model.to_grid(final), want[1])
    model.save_pretrained(tmp_path / "m")  # the configuration follows
    assert torch.equal(VideoMamba.from_pretrained(tmp_path / "m")(video), model(video))
    with pytest.raises(ValueError, match="there is no block 2; this model has blocks 0 to 1"):
        model.prune_intermediate_layers([2])


def test_pruning_of_norm_and_head_is_chosen(model, video, tmp_path):
    model.prune_intermediate_layers(1, prune_norm=True, prune_head=False)
    assert isinstance(model.norm, nn.Identity)
    assert model(video).shape == (1, 5)
    model.save_pretrained(tmp_path / "m")
    assert torch.equal(VideoMamba.from_pretrained(tmp_path / "m")(video), model(video))


def test_forward_traced_by_fx(model, video):
    traced = torch.fx.symbolic_trace(model)
    with torch.no_grad():
        torch.testing.assert_close(traced(video), model(video))


def test_arguments_of_timm_that_are_none_are_left_out():
    model = create_model("videomamba_nano", pretrained=False, num_classes=None, drop_path_rate=None, img_size=None)
    assert model.config == create_model("videomamba_nano").config
    assert create_model("asformer_ssm", layer_scale=None).config.layer_scale is None  # a value of that field


def test_models_from_their_defaults():
    with torch.device("meta"):
        assert VideoMamba().config == videomamba.create_model("videomamba_small").config
        for kind in (VideoMamba, videomamba.models.Detector, videomamba.models.VideoSwin, videomamba.models.MSTCN2):
            assert kind(num_classes=3).num_classes == 3
    with pytest.raises(ValueError, match="unknown option clases; known are num_frames"):
        VideoMamba(clases=3)


def test_names_with_a_type_are_those_of_the_catalogue():
    from typing import get_args

    from videomamba.models import catalogue

    typed = [*get_args(catalogue.VideoMambaName), *get_args(catalogue.DetectorName), "video_swin_t"]
    assert [*typed, *get_args(catalogue.SegmenterName)] == list_models()
