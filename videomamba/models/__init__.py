"""The model: its configuration, the network, the names it goes by, and its files."""

from videomamba.models.asformer import ASFormer
from videomamba.models.catalogue import create_model, list_models, load_model, model_config
from videomamba.models.config import DetectorConfig, VideoMambaConfig, VideoSwinConfig
from videomamba.models.custom import CustomModel
from videomamba.models.detector import Detector
from videomamba.models.mstcn2 import MSTCN2
from videomamba.models.pretrained import PretrainedModel
from videomamba.models.segmenter import Segmenter
from videomamba.models.segmenter_config import ASFormerConfig, FeaturePreprocessing, MSTCN2Config
from videomamba.models.trained import TrainedModel
from videomamba.models.video_swin import VideoSwin
from videomamba.models.videomamba import VideoMamba
from videomamba.models.weights.readers import convert
from videomamba.preprocessing import Preprocessing

__all__ = [
    "MSTCN2",
    "ASFormer",
    "ASFormerConfig",
    "CustomModel",
    "Detector",
    "DetectorConfig",
    "FeaturePreprocessing",
    "MSTCN2Config",
    "Preprocessing",
    "PretrainedModel",
    "Segmenter",
    "TrainedModel",
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
