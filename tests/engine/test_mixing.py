"""Mixed clips have mixed labels, of tasks with one label per clip."""

import pytest
import torch

from videomamba.engine.mixing import Mixing


def test_a_task_without_one_label_per_clip_is_refused():
    with pytest.raises(ValueError, match=r"mixup=0.5 and cutmix=0.0 need one label per clip"):
        Mixing(0.5, 0.0, 3, label=None)


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_mixed_clips_have_mixed_labels(kind):
    """Clip i is all i: what is left of it in the mixture is its share in the label."""
    videos = torch.arange(4.0).view(4, 1, 1, 1, 1).expand(4, 3, 5, 32, 32)
    batch = {"video": videos, "label": torch.arange(4)}
    torch.manual_seed(1)
    mixed = Mixing(**{"mixup": 0.0, "cutmix": 0.0, kind: 1.0}, num_classes=4, label="label")(batch)
    assert type(mixed["video"]) is torch.Tensor
    assert mixed["video"].shape == videos.shape
    for video, share in zip(mixed["video"], mixed["label"], strict=True):
        assert share.sum() == pytest.approx(1)
        assert video.mean().item() == pytest.approx((share * torch.arange(4.0)).sum().item(), abs=1e-5)
        assert torch.equal(video, video[:, :1].expand_as(video)), "another rectangle in some frame"
    assert not torch.equal(mixed["label"], torch.eye(4))
