"""A user's own module, with what the engine needs to train, test, save and run it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from torch import nn

from videomamba.errors import UserError
from videomamba.models.architectures import architecture
from videomamba.models.config import CustomConfig
from videomamba.models.pretrained import PretrainedModel
from videomamba.models.weights.checkpoint import check_finite, check_tensors
from videomamba.models.weights.folder import read
from videomamba.preprocessing import Preprocessing
from videomamba.shapes import Logits, Video


@architecture(CustomConfig)
class CustomModel(PretrainedModel):
    """Any module that maps videos (B, 3, T, H, W) to logits (B, C).

    ``no_weight_decay()`` and ``group_matcher()`` of the module, where it has them, are used.

    Args:
        module: the network.
        class_names: of its outputs.
        preprocessing: frames, size and normalisation that it wants.
    """

    config: CustomConfig

    def __init__(self, module: nn.Module, *, class_names: Sequence[str], preprocessing: Preprocessing) -> None:
        config = CustomConfig(module=type(module).__name__, num_classes=len(class_names))
        super().__init__(config, class_names=class_names, preprocessing=preprocessing)
        self.module = module

    def forward(self, video: Video) -> Logits:
        logits: Logits = self.module(video)
        return logits

    def set_class_names(self, class_names: Sequence[str]) -> str:
        """Takes only the names that the model has: the module fixes which output is which.

        Raises:
            UserError: other names, or in another order.
        """
        if tuple(class_names) != self.class_names:
            names = ", ".join(self.class_names or ())
            raise UserError(
                f"{self.config.module} has the outputs {names}, in this order; change the module to have others"
            )
        return super().set_class_names(class_names)

    def _make_head(self, num_classes: int) -> None:
        raise UserError(f"{self.config.module} has {self.num_classes} outputs; change the module to have {num_classes}")

    def no_weight_decay(self) -> set[str]:
        names: set[str] = getattr(self.module, "no_weight_decay", set)()
        return {f"module.{name}" for name in names}

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """timm's, of the module.

        Raises:
            UserError: it has none.
        """
        matcher_of = getattr(self.module, "group_matcher", None)
        if matcher_of is None:
            raise unknown_layers(self.config.module)
        matcher = matcher_of(coarse)
        blocks = matcher["blocks"]
        blocks = [(blocks, None)] if isinstance(blocks, str) else blocks
        within = [(_within_module(pattern), *rest) for pattern, *rest in blocks]
        return {"stem": _within_module(matcher["stem"]), "blocks": within}

    @classmethod
    def load(cls, path: str | Path, module: nn.Module) -> Self:
        """Loads what ``save_pretrained`` wrote into a module of the same structure.

        Raises:
            UserError: no such folder, or weights of another module.
        """
        checkpoint = read(Path(path))
        if checkpoint.class_names is None or not isinstance(checkpoint.config, CustomConfig):
            raise UserError(f"{path} was not written by CustomModel; load_model reads it")
        model = cls(module, class_names=checkpoint.class_names, preprocessing=checkpoint.preprocessing)
        check_tensors(checkpoint, model.state_dict())
        parameters = dict(model.named_parameters(remove_duplicate=False))  # a buffer may well be infinite
        check_finite(checkpoint.path, {n: value for n, value in checkpoint.weights.items() if n in parameters})
        model.load_state_dict(checkpoint.weights)
        model.source, model.license = checkpoint.source, checkpoint.license
        return model.eval()


def _within_module(pattern: str) -> str:
    """A pattern that matches names from their beginning, for the same names behind ``module.``."""
    unanchored = re.sub(r"(^|[|(])\^", r"\1", pattern)
    return rf"module\.(?:{unanchored})"


def unknown_layers(module: str) -> UserError:
    """That a module does not say what its layers are."""
    return UserError(f"layer_decay and backbone_lr need to know the layers: give {module} timm's group_matcher()")
