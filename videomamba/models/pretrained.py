"""What every model here has: a configuration, class names, preprocessing, and files; huggingface_hub's mixin."""

import dataclasses
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from huggingface_hub import ModelHubMixin
from torch import nn

from videomamba.errors import UserError
from videomamba.models import folder
from videomamba.models.checkpoint import read_checkpoint
from videomamba.models.config import ModelConfig, VideoMambaConfig, VideoSwinConfig
from videomamba.models.fit import Inflation, fitted_config
from videomamba.models.folder import Checkpoint
from videomamba.preprocessing import Preprocessing


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
        preprocessing: what a clip (Preprocessing) or a sequence of features (FeaturePreprocessing) goes through before
            the model.
        source: where the weights came from, in words; None where nobody said.
    """

    config: ModelConfig
    class_names: tuple[str, ...] | None
    preprocessing: Any
    source: str | None

    def __init__(self, config: ModelConfig, *, class_names: Sequence[str] | None, preprocessing: Any) -> None:
        super().__init__()
        self.config = config
        self.class_names = _one_a_class(class_names, config.num_classes)
        self.preprocessing = preprocessing
        self.source = None

    @property
    def num_classes(self) -> int:
        return self.config.num_classes

    def reset_classifier(self, num_classes: int, class_names: Sequence[str] | None = None) -> None:
        """A new head for another number of classes.

        Raises:
            UserError: the number of names is not ``num_classes``.
        """
        names = _one_a_class(class_names, num_classes)
        self._make_head(num_classes)
        self.config = dataclasses.replace(self.config, num_classes=num_classes)
        self.class_names = names

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each output: the class names, or the outputs' numbers from 0."""
        return self.class_names or tuple(str(i) for i in range(self.num_classes))

    @abstractmethod
    def _make_head(self, num_classes: int) -> None:
        """Puts a new head in the place of the old one, or refuses and leaves all as it was."""

    def set_class_names(self, class_names: Sequence[str]) -> None:
        """Makes these the outputs: the head stays where it has them already, or as many without names."""
        names = tuple(class_names)
        if self.num_classes == len(names) and self.class_names in (None, names):
            self.class_names = names
        else:
            self.reset_classifier(len(names), names)

    def freeze(self, blocks: int | None = None) -> None:
        """No gradients in the first blocks; None: in all but the head."""
        raise UserError(f"{type(self).__name__} cannot freeze parts of itself; only VideoMamba can")

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Keep less for the backward pass, compute blocks twice."""
        raise UserError(f"{type(self).__name__} has no gradient checkpointing; only VideoMamba has")

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
            overrides: fields of the configuration that shall differ from the checkpoint's, such as ``num_frames=32``;
                another ``num_classes`` starts a fresh head.

        Raises:
            UserError: nothing there, files that do not make a model, or an override that the weights cannot follow;
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
    @abstractmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, config: Any = None, *, inflation: Inflation = "mean") -> Self:
        """The model of a checkpoint in evaluation mode, fitted to ``config`` if that is another one.

        Raises:
            UserError: weights of another model, or that cannot be fitted.
        """

    def to_checkpoint(self) -> Checkpoint:
        """The model as data; the tensors are the model's own."""
        return Checkpoint(self.config, self.state_dict(), self.class_names, self.preprocessing, self.source)

    def _save_pretrained(self, save_directory: Path) -> None:
        folder.write(save_directory, self.to_checkpoint())


def fitted_preprocessing(checkpoint: Checkpoint, config: VideoMambaConfig | VideoSwinConfig) -> Preprocessing:
    """The checkpoint's, at the configuration's frames and size where these are others."""
    old, preprocessing = checkpoint.config, checkpoint.preprocessing
    assert isinstance(old, VideoMambaConfig | VideoSwinConfig)
    assert isinstance(preprocessing, Preprocessing)
    if (config.num_frames, config.height_width) == (old.num_frames, old.height_width):
        return preprocessing
    return dataclasses.replace(preprocessing, num_frames=config.num_frames, size=config.height_width)


def _one_a_class(names: Sequence[str] | None, num_classes: int) -> tuple[str, ...] | None:
    if names is not None and len(names) != num_classes:
        raise UserError(f"{len(names)} class names for num_classes={num_classes}; give one name a class")
    return None if names is None else tuple(names)
