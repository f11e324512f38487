"""VideoMamba (KAIST, ECCV 2024): video recognition with a bidirectional selective state space model."""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from videomamba.models import VideoMamba, create_model, list_models, load_model

try:
    __version__ = version("videomamba")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0"

__all__ = ["VideoMamba", "create_model", "list_models", "load_model"]


def __getattr__(name: str) -> Any:
    """Imports the model, and torch with it, on first use: ``videomamba --help`` answers at once."""
    if name in __all__:
        from videomamba import models

        return getattr(models, name)
    raise AttributeError(f"module 'videomamba' has no attribute {name!r}")
