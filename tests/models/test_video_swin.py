"""The baseline of the paper is torchvision's network under this package's roof."""

import pytest
import torch
from torchvision.models import swin_s, swin_t
from torchvision.models.video import swin3d_t

from videomamba.models import VideoSwin, VideoSwinConfig, convert, create_model, load_model


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return create_model("video_swin_t", num_frames=4, img_size=32, class_names=("bend", "jump", "walk")).eval()


def test_it_is_torchvisions_network(model):
    theirs = swin3d_t(num_classes=3).eval()
    theirs.load_state_dict(model.module.state_dict())
    video = torch.randn(2, 3, 4, 32, 32)
    with torch.no_grad():
        assert torch.equal(model(video), theirs(video))


def test_parameters_are_the_published_ones():
    with torch.device("meta"):
        whole = VideoSwin(VideoSwinConfig())
    assert sum(p.numel() for p in whole.parameters()) == 28_158_070  # torchvision's own count for 400 classes
    assert whole.preprocessing.num_frames == 32


def test_files_keep_everything_and_another_head_is_fresh(model, tmp_path):
    model.save_pretrained(tmp_path / "swin")
    again = load_model(tmp_path / "swin")
    assert (again.config, again.class_names, again.preprocessing) == (
        model.config,
        model.class_names,
        model.preprocessing,
    )
    video = torch.randn(1, 3, 4, 32, 32)
    with torch.no_grad():
        assert torch.equal(model(video), again(video))
    other = load_model(tmp_path / "swin", num_classes=5, num_frames=8)
    assert other.module.head.weight.shape == (5, 768)
    assert torch.equal(other.module.norm.weight, model.module.norm.weight)
    assert (other.class_names, other.preprocessing.num_frames) == (None, 8)


def test_stochastic_depth_is_the_configurations():
    deep = create_model("video_swin_t", drop_path_rate=0.3)
    rates = [m.p for m in deep.modules() if type(m).__name__ == "StochasticDepth"]
    assert (min(rates), max(rates)) == (0.0, pytest.approx(0.3))


def test_a_checkpoint_of_the_other_kind(model, tmp_path):
    model.save_pretrained(tmp_path / "swin")
    with pytest.raises(ValueError, match="is no VideoMamba but VideoSwin"):
        create_model("videomamba_nano", pretrained=tmp_path / "swin")
    with pytest.raises(ValueError, match="unknown option depth"):
        create_model("video_swin_t", depth=3)


@pytest.fixture(scope="module")
def image_model():
    torch.manual_seed(0)
    theirs = swin_t().eval()
    for name, value in theirs.state_dict().items():  # tables are nearly 0 at first
        if name.endswith("relative_position_bias_table"):
            value.normal_()
    return theirs


def test_torchvisions_video_file_is_read(tmp_path):
    torch.manual_seed(0)
    theirs = swin3d_t(num_classes=3).eval()
    torch.save(theirs.state_dict(), tmp_path / "swin3d_t-7615ae03.pth")
    convert(tmp_path / "swin3d_t-7615ae03.pth", tmp_path / "ours")
    ours = load_model(tmp_path / "ours")
    assert ours.source == "swin3d_t-7615ae03.pth: torchvision's swin3d_t"
    video = torch.randn(2, 3, 4, 32, 32)
    with torch.no_grad():
        assert torch.equal(ours(video), theirs(video))


def test_an_inflated_image_model_sees_a_still_video_as_the_picture(image_model, tmp_path):
    torch.save(image_model.state_dict(), tmp_path / "swin_t-704ceda3.pth")
    ours = load_model(tmp_path / "swin_t-704ceda3.pth", num_frames=4)
    assert (ours.class_names[:2], ours.preprocessing.num_frames) == (("tench", "goldfish"), 4)
    picture = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        still, want = ours(picture[:, :, None].expand(-1, -1, 4, -1, -1)), image_model(picture)
        moving = ours(torch.randn(1, 3, 4, 224, 224))
    torch.testing.assert_close(still, want, atol=1e-4, rtol=1e-4)
    assert (moving - want).abs().max() > 0.01


def test_another_swin_is_refused(tmp_path):
    weights = {name: torch.zeros(value.shape) for name, value in swin_s().state_dict().items()}
    torch.save(weights, tmp_path / "swin_s.pth")
    with pytest.raises(ValueError, match=r"swin_s.pth has the unknown tensor module\.features\.4\.10"):
        load_model(tmp_path / "swin_s.pth")
