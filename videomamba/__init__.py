"""VideoMamba (KAIST, ECCV 2024): video recognition with a bidirectional selective state space model.

Example:
    >>> import torch
    >>> model = videomamba.create_model("videomamba_tiny", num_frames=4, img_size=32, depth=2, num_classes=3)
    >>> model(torch.randn(1, 3, 4, 32, 32)).shape
    torch.Size([1, 3])
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from videomamba import ops
    from videomamba.data import VideoReader, load_clip
    from videomamba.exporters import export
    from videomamba.inference import Result, Session, predict, timeline
    from videomamba.models import (
        MSTCN2,
        ASFormer,
        Detector,
        VideoMamba,
        VideoSwin,
        create_model,
        list_models,
        load_model,
    )
    from videomamba.preprocessing import Preprocessing

try:
    __version__ = version("videomamba")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0"

# where each public name is: importing it, and torch with it, waits for the first use
_ROOMS = {
    "create_model": "models",
    "list_models": "models",
    "load_model": "models",
    "VideoMamba": "models",
    "Detector": "models",
    "VideoSwin": "models",
    "ASFormer": "models",
    "MSTCN2": "models",
    "load_clip": "data",
    "VideoReader": "data",
    "Preprocessing": "preprocessing",
    "predict": "inference",
    "Result": "inference",
    "export": "exporters",
    "Session": "inference",
    "timeline": "inference",
}

__all__ = [
    "MSTCN2",
    "ASFormer",
    "Detector",
    "Preprocessing",
    "Result",
    "Session",
    "VideoMamba",
    "VideoReader",
    "VideoSwin",
    "create_model",
    "export",
    "list_models",
    "load_clip",
    "load_model",
    "ops",
    "predict",
    "timeline",
]


def __getattr__(name: str) -> Any:
    """Imports a public name on first use: ``import videomamba`` takes no time."""
    if name == "ops":
        return import_module("videomamba.ops")
    if name in _ROOMS:
        return getattr(import_module(f"videomamba.{_ROOMS[name]}"), name)
    raise AttributeError(f"module 'videomamba' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
