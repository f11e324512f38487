"""The model that a run begins with."""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import torch

from videomamba.engine.config import RunConfig
from videomamba.errors import FieldError
from videomamba.models import PretrainedModel, create_model
from videomamba.models.catalogue import model_of
from videomamba.models.weights.checkpoint import Checkpoint
from videomamba.models.weights.readers import read_checkpoint
from videomamba.notes import UserNote
from videomamba.preprocessing import Preprocessing

_FROM_SCRATCH = "videomamba_nano"


def build_model(
    run: RunConfig, class_names: Sequence[str], *, start: Checkpoint | None = None, **options: Any
) -> PretrainedModel:
    """A new model of the catalogue, or a checkpoint fitted to these classes and this input.

    With a name and a checkpoint, the named architecture with the checkpoint's weights. A checkpoint keeps its head when
    its class names are the same, in any order, and gets a fresh one otherwise; the model's ``notes`` say which.
    ``preprocessing`` says what the run feeds it.

    Args:
        run: names the model.
        class_names: of the data.
        start: the checkpoint that the run begins from, where it was read already.
        options: fields of the model's configuration that the data decide.

    Raises:
        UserError: unknown name or option, an unreadable checkpoint, or one that does not fit; an input that the model
            cannot take.
    """
    config = run.model
    model = _model(run, start or read_start(run), **options)
    of_head = model.set_class_names(class_names)
    if config.start is None:
        model.source = f"trained from scratch ({run.name})"
    else:
        model.notes = (*model.notes, of_head)
        warnings.warn(of_head, UserNote, stacklevel=2)
        origin = "" if model.source is None else f" ({model.source})"
        model.source = f"fine-tuned ({run.name}) from {config.start}{origin}"
    if config.freeze is not None:
        model.freeze(None if config.freeze == "backbone" else config.freeze)
    return _with_preprocessing(model, run)


def read_start(run: RunConfig) -> Checkpoint | None:
    """The checkpoint that the run begins from; None for a run from scratch.

    Raises:
        UserError: it cannot be read, or none is named by a run that needs one.
    """
    if run.model.begins_from is not None and run.model.start is None:
        raise FieldError(f"{run.name} begins from {run.model.begins_from}: name it with {{start}}", "start")
    return None if run.model.start is None else read_checkpoint(run.model.start)


def describe_model(run: RunConfig, start: Checkpoint | None, **options: Any) -> PretrainedModel:
    """:func:`build_model` on the meta device, for any classes: its configuration, without weights and in no time.

    Raises:
        UserError: as :func:`build_model`.
    """
    if start is not None:
        weights = {name: value.to("meta") for name, value in start.weights.items()}
        start = dataclasses.replace(start, weights=weights)
    with torch.device("meta"):
        return _with_preprocessing(_model(run, start, **options), run)


def _model(run: RunConfig, start: Checkpoint | None, **options: Any) -> PretrainedModel:
    config = run.model
    overrides: dict[str, Any] = {**config.overrides, **options}
    if config.drop_path_rate is not None:
        overrides.setdefault("drop_path_rate", config.drop_path_rate)
    if run.data.num_frames is not None:
        overrides["num_frames"] = run.data.num_frames
    if run.data.size is not None:
        overrides["img_size"] = run.data.size
    if start is not None and config.name is None:
        return model_of(start, inflation=config.inflation, **overrides)
    return create_model(config.name or _FROM_SCRATCH, pretrained=start, inflation=config.inflation, **overrides)


def _with_preprocessing(model: PretrainedModel, run: RunConfig) -> PretrainedModel:
    """With the stride and the views of the run."""
    if run.data.stride is not None:
        stride = None if run.data.stride == "uniform" else run.data.stride
        model.preprocessing = dataclasses.replace(model.preprocessing, stride=stride)
    if isinstance(model.preprocessing, Preprocessing):
        model.preprocessing = dataclasses.replace(model.preprocessing, views=(run.test_clips, run.test_crops))
    return model
