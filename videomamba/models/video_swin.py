"""Video Swin-T, the baseline of the paper: torchvision's network with this package's files and settings."""

from collections.abc import Sequence
from typing import Any, Self

from torch import nn
from torchvision.models.video import SwinTransformer3d

from videomamba.errors import UserError
from videomamba.models.config import VideoSwinConfig
from videomamba.models.fit import Inflation
from videomamba.models.folder import Checkpoint, check_tensors
from videomamba.models.pretrained import PretrainedModel, fitted_preprocessing
from videomamba.preprocessing import Preprocessing
from videomamba.shapes import Logits, Video

_HEAD = ("module.head.weight", "module.head.bias")


class VideoSwin(PretrainedModel):
    """torchvision's ``swin3d_t`` (arXiv 2106.13230)."""

    config: VideoSwinConfig

    def __init__(
        self,
        config: VideoSwinConfig,
        *,
        class_names: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
    ) -> None:
        own = Preprocessing(num_frames=config.num_frames, size=config.height_width)
        super().__init__(config, class_names=class_names, preprocessing=preprocessing or own)
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

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Checkpoint, config: VideoSwinConfig | None = None, *, inflation: Inflation = "mean"
    ) -> Self:
        """The model of a checkpoint in evaluation mode; other ``num_classes`` start a fresh head.

        Raises:
            UserError: weights of another model.
        """
        old = checkpoint.config
        if not isinstance(old, VideoSwinConfig):
            raise UserError(f"{checkpoint.path} is no VideoSwin but {type(old).__name__.removesuffix('Config')}")
        new = config or old
        names = checkpoint.class_names if new.num_classes == old.num_classes else None
        model = cls(old, preprocessing=fitted_preprocessing(checkpoint, new))
        check_tensors(checkpoint, model.state_dict())
        model.load_state_dict(checkpoint.weights)
        if new != old:
            fitted = cls(new, class_names=names, preprocessing=model.preprocessing)
            kept = {n: v for n, v in model.state_dict().items() if n not in _HEAD or new.num_classes == old.num_classes}
            fitted.load_state_dict(kept, strict=False)
            model = fitted
        model.class_names = names
        model.source = checkpoint.source
        return model.eval()
