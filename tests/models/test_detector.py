"""The detector: features where the boxes are, the same in any batch and at any picture size."""

import pytest
import torch

from videomamba.models import Detector, DetectorConfig, VideoMamba, VideoMambaConfig, create_model, load_model
from videomamba.models.catalogue import CATALOGUE

TINY = {"embed_dim": 32, "depth": 2, "img_size": 64, "num_frames": 4, "patch_size": 16}


def tiny(**changes) -> Detector:
    torch.manual_seed(0)
    return Detector(DetectorConfig(num_classes=3, **{**TINY, **changes})).eval()


@pytest.mark.parametrize("order", ["spatio_temporal", "spatial"])
def test_a_batch_gives_what_each_gives_alone(order):
    model = tiny(backward_order=order)
    video = torch.randn(3, 3, 4, 64, 80)
    size = torch.tensor([[64, 80], [64, 64], [48, 75]])
    boxes = torch.tensor(
        [[[4.0, 5, 60, 50], [20, 20, 70, 60]], [[4, 5, 40, 50], [0, 0, 0, 0]], [[9, 9, 60, 40], [1, 1, 40, 30]]]
    )
    valid = torch.tensor([[True, True], [True, False], [True, True]])
    with torch.inference_mode():
        together = model(video, boxes, valid, size)
        for i, (height, width) in enumerate(size.tolist()):
            for k in range(int(valid[i].sum())):
                alone = model(video[i : i + 1, ..., :height, :width], boxes[i : i + 1, k : k + 1])
                torch.testing.assert_close(together[i, k], alone[0, 0], atol=1e-5, rtol=0)
    assert together[1, 1].eq(0).all()


def test_features_are_the_maximum_of_what_lies_in_the_box():
    model = tiny()
    marked = torch.zeros(1, 32, 2, 4, 4)  # d, t, h, w
    marked[0, 0, :, 1, 2] = 1.0
    model.backbone.feature_map = lambda video: marked  # type: ignore[method-assign]
    around = torch.tensor([[[32.0, 16, 48, 32], [0, 32, 64, 64]]])  # the cell in row 1 and column 2; the rows below
    features = model.box_features(torch.zeros(1, 3, 4, 64, 64), around, torch.ones(1, 2, dtype=torch.bool))
    assert features[0, 0] > 0.7
    assert features[1, 0] < 0.5
    assert features[:, 1:].eq(0).all()


@pytest.mark.parametrize("kind", ["temporal_expansion", "sinusoidal", "none"])
def test_another_size_is_what_set_input_size_makes(kind):
    model = tiny(pos_embed=kind)
    video, boxes = torch.randn(1, 3, 4, 48, 96), torch.tensor([[[5.0, 5, 70, 40]]])
    with torch.inference_mode():
        on_the_fly = model(video, boxes)
        assert model.backbone.config.height_width == (64, 64), "the model stays as it is"
        model.backbone.set_input_size(img_size=(48, 96))
        torch.testing.assert_close(on_the_fly, model(video, boxes))


def test_sides_that_patches_do_not_divide_are_padded():
    model = tiny()
    video, boxes = torch.randn(1, 3, 4, 50, 90), torch.tensor([[[5.0, 5, 70, 40]]])
    padded = torch.zeros(1, 3, 4, 64, 96)
    padded[..., :50, :90] = video
    with torch.inference_mode():
        torch.testing.assert_close(model(video, boxes), model(padded, boxes))


def test_no_box_gives_no_gradient_and_no_error():
    model = tiny().train()
    logits = model(torch.randn(2, 3, 4, 64, 64), torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.bool))
    assert logits.shape == (2, 3, 3)
    logits.sum().backward()
    assert all(p.grad is not None for p in model.parameters()), "every process of several has all gradients"
    assert model.head.weight.grad.eq(0).all()


def test_a_recognition_checkpoint_gives_its_backbone(tmp_path):
    torch.manual_seed(1)
    recogniser = VideoMamba(VideoMambaConfig(num_classes=7, **TINY)).eval()
    recogniser.save_pretrained(tmp_path / "model")
    CATALOGUE["tiny_detector"] = DetectorConfig(num_classes=3, **TINY)
    try:
        model = create_model("tiny_detector", pretrained=tmp_path / "model", class_names=["a", "b"]).eval()
    finally:
        del CATALOGUE["tiny_detector"]
    assert model.num_classes == 2
    video = torch.randn(1, 3, 4, 64, 64)
    with torch.inference_mode():
        features = recogniser.to_grid(recogniser.forward_features(video))
        torch.testing.assert_close(model.backbone.feature_map(video), features)


def test_a_detector_is_saved_and_loaded(tmp_path):
    model = tiny()
    model.set_class_names(["a", "b", "c"])
    model.save_pretrained(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert isinstance(again, Detector)
    assert again.class_names == ("a", "b", "c")
    video, boxes = torch.randn(1, 3, 4, 64, 64), torch.tensor([[[5.0, 5, 50, 40]]])
    with torch.inference_mode():
        torch.testing.assert_close(again(video, boxes), model(video, boxes))
    with pytest.raises(ValueError, match="no VideoMamba but Detector"):
        VideoMamba.from_pretrained(tmp_path / "model")


def test_the_published_count_of_operations():
    """34 GFLOPs: multiply-adds of the patch embedding and of in_proj and out_proj, at 16 frames of 224 x 224."""
    with torch.device("meta"):
        model = Detector(CATALOGUE["videomamba_small_detector"])
    frames, height, width = model.config.num_frames, *model.config.height_width
    tokens = frames // 2 * (height // 16) * (width // 16)
    patches = model.backbone.patch_embed.proj.weight
    counted = [tokens * patches.numel()]
    for block in model.backbone.blocks:
        for projection in (block.mixer.in_proj, block.mixer.out_proj):
            counted.append((tokens + 1) * projection.weight.numel())
    assert (frames, height, width) == (16, 224, 224)
    assert sum(counted) / 1e9 == pytest.approx(34.2, abs=0.05)
    assert model.num_classes == 80


def test_every_layer_has_a_rate_and_vectors_do_not_decay():
    model = tiny()
    kept = model.no_weight_decay()
    assert {"backbone.cls_token", "backbone.pos_embed", "head.bias"} <= kept
    assert "head.weight" not in kept
    from videomamba.engine.optim import layer_of_parameters

    layers = layer_of_parameters(model)
    assert layers["backbone.patch_embed.proj.weight"] == 0
    assert layers["backbone.blocks.1.norm.weight"] == 2
    assert layers["head.weight"] == max(layers.values()) == 4


def test_a_recognition_folder_is_a_detector_to_begin_with(tmp_path):
    """``Detector.from_pretrained`` of it: that backbone, and a new head of so many classes as are asked for."""
    torch.manual_seed(1)
    recogniser = VideoMamba(VideoMambaConfig(num_classes=7, **TINY)).eval()
    recogniser.save_pretrained(tmp_path / "model")
    model = Detector.from_pretrained(tmp_path / "model")
    assert (type(model.config), model.num_classes, model.preprocessing.stride) == (DetectorConfig, 80, 4)
    assert Detector.from_pretrained(tmp_path / "model", num_classes=3, dropout=0.1).config.dropout == 0.1
    video = torch.randn(1, 3, 4, 64, 64)
    with torch.inference_mode():
        features = recogniser.to_grid(recogniser.forward_features(video))
        torch.testing.assert_close(model.backbone.feature_map(video), features)
    recogniser.class_names = ("a",) * 7
    assert not model.has_trained_head
    same = Detector.from_pretrained(tmp_path / "model", num_classes=7)
    assert not same.has_trained_head  # as many outputs, but of another kind


def test_frozen_blocks_are_in_the_configuration():
    model = tiny(drop_path_rate=0.2)
    model.freeze(1)
    assert model.config.drop_path_rate == model.backbone.config.drop_path_rate == 0.2
    model.freeze()
    assert model.config.drop_path_rate == model.backbone.config.drop_path_rate == 0.0
