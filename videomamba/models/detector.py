"""Action detection: a VideoMamba whose map of features is read where the boxes are."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import roi_align

from videomamba.models.architectures import architecture
from videomamba.models.config import DetectorConfig, ModelConfig, VideoMambaConfig
from videomamba.models.pretrained import PretrainedModel
from videomamba.models.videomamba import VideoMamba
from videomamba.nn.stock import parameter_dtype
from videomamba.preprocessing import Preprocessing
from videomamba.shapes import Video

_BACKBONE = "backbone."


@architecture(DetectorConfig)
class Detector(PretrainedModel):
    """Logits of actions for each box of a clip's middle frame (supplement, S8).

    The tokens after the last norm, back on their t x h x w grid, are averaged over time; RoIAlign (aligned, stride of
    the patches) cuts ``roi_size`` x ``roi_size`` cells out of the map for each box, whose maximum goes through dropout
    and a linear layer. The logits are those of independent classes, for a sigmoid each.

    Example:
        >>> model = videomamba.create_model("videomamba_nano_detector", num_frames=4, num_classes=5)
        >>> boxes = torch.tensor([[[0.0, 0.0, 32.0, 64.0], [10.0, 5.0, 50.0, 60.0]]])  # (B, K, 4) in pixels
        >>> model(torch.zeros(1, 3, 4, 64, 64), boxes).shape
        torch.Size([1, 2, 5])
    """

    task = "detection"
    config: DetectorConfig

    def __init__(
        self,
        config: DetectorConfig | None = None,
        *,
        class_names: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(config, class_names=class_names, preprocessing=preprocessing, **fields)
        config = self.config
        usual = Preprocessing(num_frames=config.num_frames, stride=4, size=config.height_width)
        self.preprocessing = preprocessing or usual
        self.backbone = VideoMamba(config.backbone)
        self.dropout = nn.Dropout(config.dropout)
        self.head: nn.Linear
        self._make_head(config.num_classes)

    @property
    def blocks(self) -> Any:
        """Of the backbone: what is sharded one by one."""
        return self.backbone.blocks

    def forward(self, video: Video, boxes: Tensor, valid: Tensor | None = None, size: Tensor | None = None) -> Tensor:
        """(B, K, num_classes) logits.

        Height and width are free, and frames as far as tubelets divide them: the position table is resized on the fly,
        and a side that patches do not divide is padded with zeros (the mean colour) at its end.

        Args:
            video: (B, 3, T, H, W) float, normalised as ``preprocessing`` says.
            boxes: (B, K, 4) x1, y1, x2, y2 in pixels of the video.
            valid: (B, K) bool, which boxes there are; the others' logits are 0. None: all.
            size: (B, 2) height and width of each video where it is smaller than H x W and padded; no padding is seen.

        Raises:
            UserError: frames that tubelets do not divide.
        """
        if valid is None:
            valid = torch.ones(boxes.shape[:2], dtype=torch.bool, device=boxes.device)
        logits = video.new_zeros(*boxes.shape[:2], self.num_classes, dtype=parameter_dtype(self.head, video))
        for (height, width), members in _by_size(video, size).items():
            features = self.box_features(video[members, ..., :height, :width], boxes[members], valid[members])
            with torch.autocast(features.device.type, enabled=False):
                found = self.head(self.dropout(features))
            where = members[:, None].expand_as(valid[members])[valid[members]], valid[members].nonzero()[:, 1]
            logits = logits.index_put(where, found)
        return logits

    def box_features(self, video: Video, boxes: Tensor, valid: Tensor) -> Tensor:
        """(N, d) features of the N valid boxes, in order, of videos of one size; arguments as of :meth:`forward`."""
        features = self.frame_features(video)
        index = valid.nonzero()[:, :1].to(features)
        return self.features_at(features, torch.cat([index, boxes[valid].to(features)], 1))

    def frame_features(self, video: Tensor) -> Tensor:
        """(B, d, h, w), the mean over time; a side that patches do not divide is padded with zeros at its end."""
        patch, stride = self.config.patch_size, self._stride
        pads = [max(0, patch - side) if side < patch else (patch - side) % stride for side in video.shape[-2:]]
        if any(pads):
            video = F.pad(video, (0, pads[1], 0, pads[0]))
        return self.backbone.feature_map(video).mean(2)

    def features_at(self, features: Tensor, rois: Tensor) -> Tensor:
        """(N, d) of :meth:`frame_features` at N boxes (N, 5): which video, and x1, y1, x2, y2 in its pixels."""
        with torch.autocast(features.device.type, enabled=False):
            cells = roi_align(features, rois, self.config.roi_size, spatial_scale=1 / self._stride, aligned=True)
        return cells.amax((2, 3))

    @property
    def _stride(self) -> int:
        return self.config.patch_stride or self.config.patch_size

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each output: the class names, or the actions' numbers, which AVA counts from 1."""
        return self.class_names or tuple(str(i + 1) for i in range(self.num_classes))

    def _make_head(self, num_classes: int) -> None:
        like = self.backbone.cls_token
        self.head = nn.Linear(self.config.embed_dim, num_classes, device=like.device, dtype=like.dtype)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def freeze(self, blocks: int | None = None) -> None:
        self.backbone.freeze(blocks)
        self.config = dataclasses.replace(self.config, drop_path_rate=self.backbone.config.drop_path_rate)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        self.backbone.set_grad_checkpointing(enable)

    def no_weight_decay(self) -> set[str]:
        """The backbone's, and biases."""
        return {_BACKBONE + name for name in self.backbone.no_weight_decay()} | {"head.bias"}

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Patterns that sort parameters into layers, as timm's layer-wise learning-rate decay reads them."""
        return {
            "stem": r"^backbone\.(cls_token|pos_embed|patch_embed)",
            "blocks": [(r"^backbone\.blocks\.(\d+)", None), (r"^backbone\.norm\.", (99999,))],
        }

    @classmethod
    def _config_for(cls, config: ModelConfig) -> ModelConfig:
        """A recognition model's network, with as many classes as a detector has by default."""
        if type(config) is not VideoMambaConfig:
            return config
        same = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
        del same["num_classes"]
        return DetectorConfig(**same)


def _by_size(video: Tensor, size: Tensor | None) -> dict[tuple[int, int], Tensor]:
    """Which videos of a batch have which height and width."""
    if size is None:
        return {(video.shape[-2], video.shape[-1]): torch.arange(len(video), device=video.device)}
    groups: dict[tuple[int, int], list[int]] = {}
    for i, (height, width) in enumerate(size.tolist()):
        groups.setdefault((height, width), []).append(i)
    return {pixels: torch.tensor(members, device=video.device) for pixels, members in groups.items()}
