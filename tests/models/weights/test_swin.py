"""Released Video Swin files are read, and others are refused."""

import pytest
import torch
from torchvision.models import swin_s, swin_t
from torchvision.models.video import swin3d_t

from videomamba.models import convert, load_model


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
    with torch.device("meta"):
        layout = swin_s().state_dict()
    weights = {name: torch.zeros(value.shape) for name, value in layout.items()}
    torch.save(weights, tmp_path / "swin_s.pth")
    with pytest.raises(ValueError, match=r"swin_s.pth has the unknown tensor module\.features\.4\.10"):
        load_model(tmp_path / "swin_s.pth")
