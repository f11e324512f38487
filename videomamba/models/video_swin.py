"""Video Swin-T, the baseline of the paper: torchvision's network with this package's files and settings."""

from collections.abc import Sequence
from typing import Any

from torch import nn
from torchvision.models.video import SwinTransformer3d

from videomamba.models.architectures import architecture
from videomamba.models.config import VideoSwinConfig
from videomamba.models.pretrained import PretrainedModel
from videomamba.preprocessing import Preprocessing
from videomamba.shapes import Logits, Video


@architecture(VideoSwinConfig)
class VideoSwin(PretrainedModel):
    """torchvision's ``swin3d_t`` (arXiv 2106.13230).

    Example:
        >>> model = videomamba.create_model("video_swin_t", num_frames=2, img_size=32, num_classes=3)
        >>> model(torch.zeros(1, 3, 2, 32, 32)).shape
        torch.Size([1, 3])
    """

    config: VideoSwinConfig

    def __init__(
        self,
        config: VideoSwinConfig | None = None,
        *,
        class_names: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(config, class_names=class_names, preprocessing=preprocessing, **fields)
        config = self.config
        self.preprocessing = preprocessing or Preprocessing(num_frames=config.num_frames, size=config.height_width)
        self.module = SwinTransformer3d(  # as swin3d_t, which fixes the stochastic depth
            patch_size=[2, 4, 4],
            embed_dim=96,
            depths=[2, 2, 6, 2],
            num_heads=[3, 6, 12, 24],
            window_size=[8, 7, 7],
            stochastic_depth_prob=config.drop_path_rate,
            num_classes=config.num_classes,
        )

    def forward(self, video: Video) -> Logits:
        """(B, 3, T, H, W) float video, normalised as ``preprocessing`` says, to (B, num_classes) logits."""
        logits: Logits = self.module(video)
        return logits

    def _make_head(self, num_classes: int) -> None:
        like = self.module.head.weight
        self.module.head = nn.Linear(like.shape[1], num_classes, device=like.device, dtype=like.dtype)
        nn.init.trunc_normal_(self.module.head.weight, std=0.02)
        nn.init.zeros_(self.module.head.bias)
        self.module.num_classes = num_classes

    def no_weight_decay(self) -> set[str]:
        """Parameters that no weight decay may touch: biases, norms and the tables of relative positions."""
        return {name for name, p in self.named_parameters() if p.ndim <= 1 or "relative_position" in name}

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Patterns that sort parameters into layers, as timm's layer-wise learning-rate decay reads them."""
        return {
            "stem": r"^module\.patch_embed",
            "blocks": [(r"^module\.features\.(\d+)\.(\d+)", None), (r"^module\.features\.(\d+)\.", None),
                       (r"^module\.norm\.", (99999,))],
        }  # fmt: skip
