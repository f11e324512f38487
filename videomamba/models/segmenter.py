"""What models have in common that name the action in every frame, from features of the frames."""

import dataclasses
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from torch import Tensor

from videomamba.errors import UserError
from videomamba.models.fit import Inflation
from videomamba.models.folder import Checkpoint, check_tensors
from videomamba.models.pretrained import PretrainedModel
from videomamba.models.segmenter_config import ASFormerConfig, FeaturePreprocessing, MSTCN2Config, SegmenterConfig


class Segmenter(PretrainedModel):
    """Features of a video's frames to logits for each, stage after stage; the last stage's count."""

    config_type: ClassVar[type[ASFormerConfig] | type[MSTCN2Config]]
    config: SegmenterConfig
    preprocessing: FeaturePreprocessing

    def __init__(
        self,
        config: SegmenterConfig,
        *,
        class_names: Sequence[str] | None = None,
        preprocessing: FeaturePreprocessing | None = None,
    ) -> None:
        super().__init__(config, class_names=class_names, preprocessing=preprocessing or FeaturePreprocessing())
        self._make(config)

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
        """All that reads or writes classes starts afresh."""
        device = next(self.parameters()).device
        self._refit(dataclasses.replace(self.config, num_classes=num_classes))
        self.to(device)

    def _refit(self, config: Any) -> None:
        """The network of another configuration, with the weights that have their shape in both."""
        old = self.state_dict()
        self.config = config
        self._make(config)
        self.load_state_dict({n: old.get(n, v) if _same(old.get(n), v) else v for n, v in self.state_dict().items()})

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, config: Any = None, *, inflation: Inflation = "mean") -> Self:
        """The model of a checkpoint in evaluation mode, fitted to ``config`` if that is another one.

        Raises:
            UserError: weights of another model.
        """
        old = checkpoint.config
        if not isinstance(old, cls.config_type):
            raise UserError(f"{checkpoint.path} is no {cls.__name__} but {type(old).__name__.removesuffix('Config')}")
        model = cls(old, class_names=checkpoint.class_names, preprocessing=checkpoint.preprocessing)
        check_tensors(checkpoint, model.state_dict())
        model.load_state_dict(checkpoint.weights)
        if config is not None and config != old:
            if config.num_classes != old.num_classes:
                model.class_names = None
            model._refit(config)
        model.source = checkpoint.source
        return model.eval()


def _same(old: Tensor | None, new: Tensor) -> bool:
    return old is not None and old.shape == new.shape
