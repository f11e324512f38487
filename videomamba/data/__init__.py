"""The data tower: video files in, clips for a model out. It knows no model."""

from videomamba.data.annotations import Annotations, VideoRecord, find_videos, split_holdout
from videomamba.data.clip import Clip
from videomamba.data.datasets.csv import read_csv
from videomamba.data.datasets.folder import read_folder
from videomamba.data.datasets.video import VideoDataset
from videomamba.data.errors import VideoError
from videomamba.data.loader import make_loader
from videomamba.data.model_clip import ModelClip, load_clip
from videomamba.data.reader import VideoReader
from videomamba.data.sampling import DenseSampler, Sampler, UniformSampler, make_sampler
from videomamba.data.transforms import Augmentation, Transform, eval_transform, train_transform

__all__ = [
    "Annotations",
    "Augmentation",
    "Clip",
    "DenseSampler",
    "ModelClip",
    "Sampler",
    "Transform",
    "UniformSampler",
    "VideoDataset",
    "VideoError",
    "VideoReader",
    "VideoRecord",
    "eval_transform",
    "find_videos",
    "load_clip",
    "make_loader",
    "make_sampler",
    "read_csv",
    "read_folder",
    "split_holdout",
    "train_transform",
]
