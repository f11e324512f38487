"""The model that a run begins with."""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

from videomamba.engine.config import RunConfig
from videomamba.errors import UserError
from videomamba.models import PretrainedModel, create_model, load_model
from videomamba.notes import UserNote

_FROM_SCRATCH = "videomamba_nano"


def build_model(run: RunConfig, class_names: Sequence[str], **options: Any) -> PretrainedModel:
    """A new model of the catalogue, or a checkpoint fitted to these classes and this input.

    With a name and a checkpoint, the named architecture with the checkpoint's weights. A checkpoint keeps its head when
    its class names are the same, in any order, and gets a fresh one otherwise; the model's ``notes`` say which.
    ``preprocessing`` says what the run feeds it; ``options`` are fields of the configuration that the data decide.

    Raises:
        UserError: unknown name or option, an unreadable checkpoint, or one that does not fit; an input that the model
            cannot take.
    """
    config, stride = run.model, run.data.stride
    model = _model(run, **options)
    of_head = model.set_class_names(class_names)
    model.source = f"trained from scratch ({run.name})"
    if config.start is not None:
        model.notes = (*model.notes, of_head)
        warnings.warn(of_head, UserNote, stacklevel=2)
        model.source = f"fine-tuned ({run.name}) from {config.start}"
    if config.freeze is not None:
        model.freeze(None if config.freeze == "backbone" else config.freeze)
    if stride is not None:
        model.preprocessing = dataclasses.replace(model.preprocessing, stride=None if stride == "uniform" else stride)
    return model


def check_model(run: RunConfig) -> None:
    """
    Raises:
        UserError: as :func:`build_model`.
    """
    _model(run)


def _model(run: RunConfig, **options: Any) -> PretrainedModel:
    config = run.model
    if config.begins_from is not None and config.start is None:
        raise UserError(f"{run.name} begins from {config.begins_from}: name it with --start")
    overrides: dict[str, Any] = {**config.overrides, **options}
    if config.drop_path_rate is not None:
        overrides.setdefault("drop_path_rate", config.drop_path_rate)
    if run.data.num_frames is not None:
        overrides["num_frames"] = run.data.num_frames
    if run.data.size is not None:
        overrides["img_size"] = run.data.size
    if config.start is not None and config.name is None:
        return load_model(config.start, inflation=config.inflation, **overrides)
    return create_model(config.name or _FROM_SCRATCH, pretrained=config.start, inflation=config.inflation, **overrides)
