"""What is kept of a video for a model, and that it is no more than that."""

import torch

from videomamba.inference.windows import CausalWindow, FrameWindow, TubeletWindow, window_for
from videomamba.models import create_model, load_model

CAUSAL = {"backward_order": "spatial", "cls_position": "last", "pos_embed": "none"}


def size_of(window):
    return sum(value.numel() for value in window.state_dict().values())


def test_each_model_has_its_window(colours):
    causal = create_model("videomamba_nano", num_classes=3, depth=1, **CAUSAL)
    swin = create_model("video_swin_t", num_classes=3)
    assert type(window_for(load_model(colours), causal=False)) is TubeletWindow
    assert type(window_for(causal, causal=True)) is CausalWindow
    assert type(window_for(causal, causal=False)) is TubeletWindow
    assert type(window_for(swin, causal=False)) is FrameWindow


@torch.inference_mode()
def test_what_is_kept_does_not_grow(colours):
    causal = create_model("videomamba_nano", num_classes=3, depth=1, num_frames=4, img_size=32, **CAUSAL).eval()
    model = load_model(colours).eval()
    for window in (TubeletWindow(model), CausalWindow(causal), FrameWindow(model)):
        clip = torch.zeros(1, 3, 4, 32, 32)
        window.push(clip)
        first = size_of(window)
        for _ in range(5):
            window.push(clip)
        assert size_of(window) == first
        assert window.logits_of(torch.cat([window.view()] * 2)).shape == (2, 3)


@torch.inference_mode()
def test_tubelets_give_what_the_model_gives(colours):
    model, clip = load_model(colours).eval(), torch.randn(1, 3, 6, 32, 32)
    for window in (TubeletWindow(model), FrameWindow(model)):
        for part in clip.split(2, 2):
            window.push(part)
        torch.testing.assert_close(window.logits_of(window.view()), model(clip[:, :, 2:]), atol=1e-5, rtol=1e-5)
