"""The model that a run begins with."""

import dataclasses
from collections.abc import Sequence

from videomamba.engine.config import RunConfig
from videomamba.models import VideoMamba, create_model, load_model


def build_model(run: RunConfig, class_names: Sequence[str]) -> VideoMamba:
    """A new model of the catalogue, or a checkpoint fitted to these classes and this input.

    A checkpoint keeps its head when its class names are the same, and gets a fresh one otherwise; its position table is
    resized when frames or size differ. ``preprocessing`` says what the run feeds it.

    Raises:
        ValueError: unknown name or option, an unreadable checkpoint, or an input that the model cannot take.
    """
    data, config = run.data, run.model
    if config.start is None:
        overrides = {"drop_path_rate": config.drop_path_rate, **config.overrides}
        if data.num_frames is not None:
            overrides["num_frames"] = data.num_frames
        if data.size is not None:
            overrides["img_size"] = data.size
        model = create_model(config.name, class_names=class_names, **overrides)
    else:
        model = load_model(config.start)
        if model.class_names != tuple(class_names):
            model.reset_classifier(len(class_names), class_names)
        if data.num_frames is not None or data.size is not None:
            model.set_input_size(data.num_frames, data.size)
        model.set_drop_path_rate(config.drop_path_rate)
    if data.stride is not None:
        stride = None if data.stride == "uniform" else data.stride
        model.preprocessing = dataclasses.replace(model.preprocessing, stride=stride)
    return model
