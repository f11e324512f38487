"""The model: its configuration, the network, the names it goes by, and its files."""

from videomamba.models.catalogue import create_model, list_models, load_model, model_config
from videomamba.models.checkpoint import convert
from videomamba.models.config import DetectorConfig, Preprocessing, VideoMambaConfig, VideoSwinConfig
from videomamba.models.detector import Detector
from videomamba.models.own import OwnModel
from videomamba.models.pretrained import PretrainedModel
from videomamba.models.video_swin import VideoSwin
from videomamba.models.videomamba import VideoMamba

__all__ = [
    "Detector",
    "DetectorConfig",
    "OwnModel",
    "Preprocessing",
    "PretrainedModel",
    "VideoMamba",
    "VideoMambaConfig",
    "VideoSwin",
    "VideoSwinConfig",
    "convert",
    "create_model",
    "list_models",
    "load_model",
    "model_config",
]
