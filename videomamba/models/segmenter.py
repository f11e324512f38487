"""What the models share that name the action in every frame from features of the frames."""

import dataclasses
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from videomamba.errors import UserError
from videomamba.models.pretrained import PretrainedModel
from videomamba.models.segmenter_config import FeaturePreprocessing, SegmenterConfig


class Segmenter(PretrainedModel):
    """Features of a video's frames to logits for each, stage after stage; the last stage's count."""

    task = "segmentation"
    config: SegmenterConfig
    preprocessing: FeaturePreprocessing

    def __init__(
        self,
        config: SegmenterConfig | None = None,
        *,
        class_names: Sequence[str] | None = None,
        preprocessing: FeaturePreprocessing | None = None,
        **fields: Any,
    ) -> None:
        preprocessing = preprocessing or FeaturePreprocessing()
        super().__init__(config, class_names=class_names, preprocessing=preprocessing, **fields)
        self._make(self.config)

    @abstractmethod
    def _make(self, config: Any) -> None:
        """Sets the network's modules, freshly initialised."""

    @abstractmethod
    def stages(self, features: Tensor, valid: Tensor | None) -> Tensor:
        """(S, B, num_classes, T) logits of all stages; see :meth:`forward`."""

    def forward(self, features: Tensor, valid: Tensor | None = None) -> Tensor:
        """(S, B, num_classes, T) logits of all S stages, 0 in padding.

        Args:
            features: (B, input_dim, T) float, every ``preprocessing.stride``-th of the video's.
            valid: (B, T) bool, False for padding behind a sequence, which changes no result; None: all are frames.

        Raises:
            UserError: features of another shape.
        """
        expected = self.config.input_dim
        if features.dim() != 3 or features.shape[1] != expected or not features.shape[2]:
            raise UserError(
                f"features have shape {tuple(features.shape)}; this model takes (B, {expected}, T): {expected} "
                "channels for each frame"
            )
        if valid is not None and tuple(valid.shape) != (len(features), features.shape[2]):
            raise UserError(f"valid has shape {tuple(valid.shape)}; expected (B, T) of features {features.shape}")
        return self.stages(features, valid)

    def _make_head(self, num_classes: int) -> None:
        """Whatever has an axis of classes is initialised again; the rest stays."""
        old, device = self.state_dict(), next(self.parameters()).device
        self._make(dataclasses.replace(self.config, num_classes=num_classes))
        new = self.state_dict()
        self.load_state_dict({n: old[n] if n in old and old[n].shape == v.shape else v for n, v in new.items()})
        self.to(device)
