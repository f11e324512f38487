"""Short masks are torchvision's, and Video Swin's exported files give what the model gives."""

import pytest
import torch
from torchvision.models.video import swin_transformer

import videomamba
from tests.exporters.models import run
from videomamba.exporters import export
from videomamba.exporters.swin_mask import attention_mask, short_masks


@pytest.mark.parametrize(
    ("size", "window", "shift"),
    [
        ((16, 14, 21), (8, 7, 7), (4, 3, 3)),
        ((8, 14, 14), (8, 7, 7), (0, 3, 3)),
        ((4, 7, 14), (4, 7, 7), (0, 0, 3)),
        ((16, 7, 7), (8, 7, 7), (4, 0, 0)),
    ],
)
def test_masks_are_torchvisions(size, window, shift):
    x = torch.zeros(1)
    want = swin_transformer._compute_attention_mask_3d(x, size, window, shift)
    assert want.unique().tolist() == [-100, 0]
    assert torch.equal(attention_mask(x, size, window, shift), want)


def test_torchvision_is_left_as_it_was():
    theirs = swin_transformer._compute_attention_mask_3d
    with short_masks():
        assert swin_transformer._compute_attention_mask_3d is attention_mask
    assert swin_transformer._compute_attention_mask_3d is theirs


@pytest.mark.slow
def test_video_swin(tmp_path):
    """Padded, shifted windows of two stages."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    net = videomamba.create_model("video_swin_t", num_frames=8, img_size=64, num_classes=5).eval()
    done = export(net, tmp_path / "swin.onnx")
    assert done.inputs == {"video": ("batch", 3, 8, 64, 64)}
    assert len(onnx.load(done.path).graph.node) < 1000
    tensors = {t.data_ptr(): t.nbytes for t in net.state_dict().values()}
    assert done.size < sum(tensors.values()) + 2**20
    video = torch.randn(3, 3, 8, 64, 64)
    torch.testing.assert_close(run(done.path, video), net(video), rtol=1e-4, atol=1e-5)
