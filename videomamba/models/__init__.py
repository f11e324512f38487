"""The model: its configuration, the network, the names it goes by, and its files."""

from videomamba.models.catalogue import create_model, list_models, load_model, model_config
from videomamba.models.checkpoint import convert
from videomamba.models.config import Preprocessing, VideoMambaConfig
from videomamba.models.videomamba import VideoMamba

__all__ = [
    "Preprocessing",
    "VideoMamba",
    "VideoMambaConfig",
    "convert",
    "create_model",
    "list_models",
    "load_model",
    "model_config",
]
