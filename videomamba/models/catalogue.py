"""The names people type, and what they stand for."""

import dataclasses
import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from videomamba.models.config import Preprocessing, VideoMambaConfig
from videomamba.models.videomamba import VideoMamba

# width x depth as published for Vim and OpenGVLab's VideoMamba (tiny, small, middle); nano is ours, for a CPU and small
# clips: docs/experiments/demo.md
CATALOGUE = {
    "videomamba_nano": VideoMambaConfig(embed_dim=128, depth=4, img_size=64, tubelet_size=4),
    "videomamba_tiny": VideoMambaConfig(embed_dim=192, depth=24),
    "videomamba_small": VideoMambaConfig(embed_dim=384, depth=24),
    "videomamba_middle": VideoMambaConfig(embed_dim=576, depth=32),
}


def list_models(pattern: str | None = None) -> list[str]:
    """Names that :func:`create_model` knows, those that match a shell pattern when one is given."""
    return [name for name in CATALOGUE if pattern is None or fnmatch.fnmatch(name, pattern)]


def model_config(name: str, **overrides: Any) -> VideoMambaConfig:
    """The configuration that a name stands for, with some fields changed.

    Raises:
        ValueError: unknown name or field, or a value that no model can have.
    """
    if name not in CATALOGUE:
        raise ValueError(f"unknown model {name!r}; choose one of {', '.join(CATALOGUE)}")
    known = [field.name for field in dataclasses.fields(VideoMambaConfig)]
    unknown = sorted(set(overrides) - set(known))
    if unknown:
        raise ValueError(f"unknown option {', '.join(unknown)} for {name}; known are {', '.join(known)}")
    return dataclasses.replace(CATALOGUE[name], **overrides)


def create_model(
    name: str,
    *,
    class_names: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    **overrides: Any,
) -> VideoMamba:
    """A freshly initialised model.

    Args:
        name: one of :func:`list_models`.
        class_names: names of the outputs; they set ``num_classes`` unless it is given.
        preprocessing: kept with the model; by default ImageNet statistics at the model's frames and size.
        overrides: fields of :class:`VideoMambaConfig`, such as ``num_frames=32`` or ``backward_order="temporal"``.

    Raises:
        ValueError: unknown name or field, or a value that no model can have.
    """
    if class_names is not None:
        overrides.setdefault("num_classes", len(class_names))
    return VideoMamba(model_config(name, **overrides), class_names=class_names, preprocessing=preprocessing)


def load_model(checkpoint: str | Path) -> VideoMamba:
    """A trained model, in evaluation mode, from a model folder, a run folder (its ``best/``) or a Hub id.

    Raises:
        ValueError: nothing there, or files that do not make a model.
    """
    return VideoMamba.from_pretrained(checkpoint)
