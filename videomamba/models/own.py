"""A module of the user's own with what the engine needs to train, test, save and ask it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from torch import nn

from videomamba.errors import UserError
from videomamba.models import folder
from videomamba.models.config import OwnConfig
from videomamba.models.fit import Inflation
from videomamba.models.folder import Checkpoint
from videomamba.models.pretrained import PretrainedModel
from videomamba.preprocessing import Preprocessing
from videomamba.shapes import Logits, Video


class OwnModel(PretrainedModel):
    """Any module that maps videos (B, 3, T, H, W) to logits (B, C).

    ``no_weight_decay()`` and ``group_matcher()`` of the module, where it has them, are heeded.

    Args:
        module: the network.
        class_names: of its outputs.
        preprocessing: frames, size and normalisation that it wants.
    """

    config: OwnConfig

    def __init__(self, module: nn.Module, *, class_names: Sequence[str], preprocessing: Preprocessing) -> None:
        config = OwnConfig(module=type(module).__name__, num_classes=len(class_names))
        super().__init__(config, class_names=class_names, preprocessing=preprocessing)
        self.module = module

    def forward(self, video: Video) -> Logits:
        logits: Logits = self.module(video)
        return logits

    def _make_head(self, num_classes: int) -> None:
        raise UserError(f"{self.config.module} has {self.num_classes} outputs; give it {num_classes} yourself")

    def no_weight_decay(self) -> set[str]:
        names: set[str] = getattr(self.module, "no_weight_decay", set)()
        return {f"module.{name}" for name in names}

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """timm's, of the module.

        Raises:
            UserError: it has none.
        """
        own = getattr(self.module, "group_matcher", None)
        if own is None:
            raise UserError(
                f"layer_decay and backbone_lr need to know the layers: give {self.config.module} timm's group_matcher()"
            )
        matcher = own(coarse)
        blocks = matcher["blocks"]
        blocks = [(blocks, None)] if isinstance(blocks, str) else blocks
        within = [(_within_module(pattern), *rest) for pattern, *rest in blocks]
        return {"stem": _within_module(matcher["stem"]), "blocks": within}

    @classmethod
    def load(cls, path: str | Path, module: nn.Module) -> Self:
        """What ``save_pretrained`` wrote, into a module of the same make.

        Raises:
            UserError: no such folder, or weights of another module.
        """
        checkpoint = folder.read(Path(path))
        if checkpoint.class_names is None or not isinstance(checkpoint.config, OwnConfig):
            raise UserError(f"{path} was not written by OwnModel; load_model reads it")
        model = cls(module, class_names=checkpoint.class_names, preprocessing=checkpoint.preprocessing)
        folder.check_tensors(checkpoint, model.state_dict())
        model.load_state_dict(checkpoint.weights)
        model.source = checkpoint.source
        return model.eval()

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, config: Any = None, *, inflation: Inflation = "mean") -> Self:
        name = checkpoint.config.module if isinstance(checkpoint.config, OwnConfig) else "another model"
        raise UserError(f"{checkpoint.path} holds {name}: make that module and use OwnModel.load(path, module)")


def _within_module(pattern: str) -> str:
    """A pattern that matches names from their beginning, for the same names behind ``module.``."""
    unanchored = re.sub(r"(^|[|(])\^", r"\1", pattern)
    return rf"module\.(?:{unanchored})"
