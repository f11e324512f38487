"""How a model comes from a checkpoint and goes to one: huggingface_hub's mixin with our reading and fitting."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from huggingface_hub import ModelHubMixin
from torch import nn

from videomamba.models import folder
from videomamba.models.checkpoint import read_checkpoint
from videomamba.models.config import Preprocessing, VideoMambaConfig
from videomamba.models.fit import Inflation, fit_weights, fitted_config
from videomamba.models.folder import Checkpoint


class PretrainedModel(
    nn.Module,
    ModelHubMixin,
    library_name="videomamba",
    license="apache-2.0",
    pipeline_tag="video-classification",
    paper_url="https://arxiv.org/abs/2407.08476",
):
    """``from_pretrained``, ``save_pretrained`` and ``push_to_hub`` for a model that is its configuration and weights.

    Attributes:
        config: the architecture, always that of the current weights.
        class_names: names of the outputs in order, or None.
        preprocessing: what a clip goes through before the model.
        source: where the weights came from, in words; None where nobody said.
    """

    config: VideoMambaConfig
    class_names: tuple[str, ...] | None
    preprocessing: Preprocessing
    source: str | None

    def __init__(
        self,
        config: VideoMambaConfig,
        *,
        class_names: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.class_names = None if class_names is None else tuple(class_names)
        self.preprocessing = preprocessing or Preprocessing(num_frames=config.num_frames, size=config.height_width)
        self.source = None

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        inflation: Inflation = "mean",
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        **overrides: Any,
    ) -> Self:
        """A trained model, in evaluation mode, with its weights fitted to ``overrides`` where there are any.

        Args:
            pretrained_model_name_or_path: what :meth:`save_pretrained` wrote, a run folder (its ``best/``),
                ``owner/name`` or ``hf-hub:owner/name[:file]`` on the Hub, or a checkpoint file of Vim or OpenGVLab's
                VideoMamba.
            inflation: how an image model's patch kernel becomes a tubelet's, see
                :func:`videomamba.models.fit.fit_patches`.
            revision, cache_dir, local_files_only, token: as in huggingface_hub.
            overrides: fields of :class:`VideoMambaConfig` that shall differ from the checkpoint's, such as
                ``num_frames=32``; another ``num_classes`` starts a fresh head.

        Raises:
            ValueError: nothing there, files that do not make a model, or an override that the weights cannot follow;
                one line says which and why.
        """
        checkpoint = read_checkpoint(
            pretrained_model_name_or_path,
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            token=token,
        )
        return cls.from_checkpoint(checkpoint, fitted_config(checkpoint.config, **overrides), inflation=inflation)

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Checkpoint, config: VideoMambaConfig | None = None, *, inflation: Inflation = "mean"
    ) -> Self:
        """The model of a checkpoint in evaluation mode, fitted to ``config`` if that is another one.

        Raises:
            ValueError: weights of another model, or that cannot be fitted.
        """
        old = checkpoint.config
        with torch.device("meta"):
            described = cls(old).state_dict()
        folder.check_tensors(checkpoint, described)
        new = config or old
        weights = checkpoint.weights if new == old else fit_weights(checkpoint.weights, old, new, inflation=inflation)
        preprocessing = checkpoint.preprocessing
        if (new.num_frames, new.height_width) != (old.num_frames, old.height_width):
            preprocessing = dataclasses.replace(preprocessing, num_frames=new.num_frames, size=new.height_width)
        class_names = checkpoint.class_names if new.num_classes == old.num_classes else None
        model = cls(new, class_names=class_names, preprocessing=preprocessing)
        fresh, unknown = model.load_state_dict(weights, strict=False)
        assert not unknown
        assert set(fresh) <= {"pos_embed", "head.weight", "head.bias"}, fresh
        model.source = checkpoint.source
        return model.eval()

    def to_checkpoint(self) -> Checkpoint:
        """The model as data; the tensors are the model's own."""
        return Checkpoint(self.config, self.state_dict(), self.class_names, self.preprocessing, self.source)

    def _save_pretrained(self, save_directory: Path) -> None:
        folder.write(save_directory, self.to_checkpoint())
