"""What all models share: a configuration, class names, preprocessing, and files; with huggingface_hub's mixin."""

import dataclasses
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from huggingface_hub import ModelCard, ModelHubMixin

from videomamba.errors import UserError
from videomamba.models import head
from videomamba.models.architectures import name_of
from videomamba.models.card import model_card
from videomamba.models.config import ModelConfig, fitted_config
from videomamba.models.trained import TrainedModel
from videomamba.models.weights import folder
from videomamba.models.weights.adapt import Inflation, adapt, class_axes
from videomamba.models.weights.checkpoint import Checkpoint
from videomamba.models.weights.readers import read_checkpoint
from videomamba.notes import UserNote


class PretrainedModel(TrainedModel, ModelHubMixin):
    """``from_pretrained``, ``save_pretrained`` and ``push_to_hub`` for a model that is its configuration and weights.

    Attributes:
        config: the architecture, always that of the current weights.
        class_names: names of the outputs in order, or None.
        preprocessing: what a clip (Preprocessing) or a sequence of features (FeaturePreprocessing) goes through before
            the model.
        source: where the weights came from, in words; None where nobody said.
        license: of the weights, as the Hub names it; None where nobody said. A converted or fine-tuned model keeps its
            source's.
        path: of the file that the weights were read from; None for a new model.
        notes: what its user should know about how its weights were read and fitted, one line each; they are issued as
            :class:`videomamba.notes.UserNote` too.
    """

    config_type: ClassVar[type[Any]]  # set by @architecture
    config: ModelConfig
    class_names: tuple[str, ...] | None
    preprocessing: Any
    source: str | None
    license: str | None
    path: Path | None
    notes: tuple[str, ...]
    has_trained_head: bool

    def __init__(
        self, config: ModelConfig | None, *, class_names: Sequence[str] | None, preprocessing: Any, **fields: Any
    ) -> None:
        super().__init__()
        self.config = fitted_config(self.config_type() if config is None else config, **fields)
        self.class_names = head.one_per_class(class_names, self.config.num_classes)
        self.preprocessing = preprocessing
        self.source = self.license = self.path = None
        self.notes = ()
        self.has_trained_head = False

    def reset_classifier(
        self, num_classes: int, global_pool: str | None = None, *, class_names: Sequence[str] | None = None
    ) -> None:
        """A new head for another number of classes.

        Args:
            num_classes: outputs; 0, where the architecture allows it, leaves the head out.
            global_pool: timm's; None keeps what the model does.
            class_names: of the outputs.

        Raises:
            UserError: a number that the model cannot have, as many names as are not ``num_classes``, or a pooling; the
                model stays as it was.
        """
        if global_pool is not None:
            raise UserError(f"global_pool={global_pool!r}: {type(self).__name__} has one way to pool; leave it out")
        config = dataclasses.replace(self.config, num_classes=num_classes)
        names = head.one_per_class(class_names, num_classes)
        self._make_head(num_classes)
        self.config, self.class_names, self.has_trained_head = config, names, False

    @abstractmethod
    def _make_head(self, num_classes: int) -> None:
        """Replaces the head, or refuses and changes nothing."""

    @torch.no_grad()
    def set_class_names(self, class_names: Sequence[str]) -> str:
        """Makes these the outputs, in this order, and keeps the trained head where it can.

        The head stays where it has these names already, is permuted where it has them in another order, and is new
        otherwise. A head without names takes these if they are as many; if they are whole numbers, in natural order
        whatever the order that they are given in.

        Returns:
            One line that says whether the head was kept.
        """
        names = tuple(class_names)
        order = head.order_of(names, self.class_names, self.num_classes)
        if order is None:
            self.reset_classifier(len(names), class_names=names)
            return f"head new: {head.listed(names)}"
        had_names, self.class_names = self.class_names is not None, names
        is_permuted = order != list(range(len(names)))
        if is_permuted:
            tensors = self.state_dict(keep_vars=True)
            for name, axis in class_axes(self.config).items():
                tensors[name].copy_(tensors[name].index_select(axis, torch.tensor(order, device=tensors[name].device)))
        if not self.has_trained_head:
            return f"head new: {head.listed(names)}"
        if is_permuted:
            return f"head permuted: it has the same classes in another order; now {head.listed(names)}"
        if not had_names:
            return f"head kept: its outputs had no names and are taken to be, in this order, {head.listed(names)}"
        return f"head kept: {head.listed(names)}"

    def freeze(self, blocks: int | None = None) -> None:
        """No gradients in the first blocks; None: in all but the head."""
        raise UserError(f"{type(self).__name__} cannot freeze parts of itself; only VideoMamba can")

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Activation checkpointing: recompute blocks in the backward pass to save memory."""
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
                ``owner/name`` or ``hf-hub:owner/name[:file]`` on the Hub, a published name
                (:mod:`videomamba.models.weights.published`), or a checkpoint file of another code base
                (:data:`videomamba.models.weights.readers.READERS`).
            inflation: how an image model's patch kernel becomes a tubelet's, see
                :func:`videomamba.models.weights.adapt.fit_patches`.
            revision, cache_dir, local_files_only, token: as in huggingface_hub.
            overrides: fields of the configuration that are to differ from the checkpoint's, such as ``num_frames=32``;
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
        config = fitted_config(cls._config_for(checkpoint.config), **overrides)
        return cls.from_checkpoint(checkpoint, config, inflation=inflation)

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Checkpoint, config: ModelConfig | None = None, *, inflation: Inflation = "mean"
    ) -> Self:
        """The model of a checkpoint in evaluation mode, fitted to ``config`` if that is another one.

        Raises:
            UserError: weights of another model, or that cannot be fitted.
        """
        config = cls._config_for(checkpoint.config) if config is None else config
        if type(config) is not cls.config_type:
            raise UserError(f"{checkpoint.path} is no {cls.__name__} but {name_of(checkpoint.config)}")
        fitted = adapt(checkpoint, config, inflation=inflation)
        model = cls(fitted.config, class_names=fitted.class_names, preprocessing=fitted.preprocessing)
        model.load_state_dict(fitted.weights, strict=False)
        model.has_trained_head = class_axes(fitted.config).keys() <= fitted.weights.keys()
        model.source, model.license, model.notes = checkpoint.source, checkpoint.license, fitted.notes
        model.path = checkpoint.path
        for note in model.notes:
            warnings.warn(note, UserNote, stacklevel=2)
        return model.eval()

    @classmethod
    def _config_for(cls, config: ModelConfig) -> ModelConfig:
        """The configuration of a model of this class with the weights of another configuration's."""
        return config

    def to_checkpoint(self) -> Checkpoint:
        """The model as data; the tensors are the model's own."""
        return Checkpoint(
            self.config, self.state_dict(), self.class_names, self.preprocessing, self.source, license=self.license
        )

    def check_savable(self) -> None:
        """Checks that :meth:`save_pretrained` will work and that the model can be loaded again, before a long training.

        Raises:
            UserError: a tensor that cannot be written or read; names it.
        """
        folder.check_savable(self.state_dict())

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Uploads the model folder with its card to the Hub and returns the commit's address.

        Args:
            repo_id: ``owner/name``; made where it is not there yet.
            options: ``private``, ``token``, ``branch``, ``commit_message``, ``create_pr`` as in huggingface_hub.
        """
        url: str = super().push_to_hub(repo_id, model_card_kwargs={"repo_id": repo_id}, **options)
        return url

    def generate_model_card(self, repo_id: str | None = None) -> ModelCard:
        """See :func:`videomamba.models.card.model_card`."""
        return model_card(self, repo_id)

    def _save_pretrained(self, save_directory: Path) -> None:
        folder.write(save_directory, self.to_checkpoint())
