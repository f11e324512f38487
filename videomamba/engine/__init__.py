"""Trains, evaluates and predicts; knows the abstract task and no concrete one."""

from videomamba.engine.config import DataConfig, ModelChoice, OptimConfig, RunConfig
from videomamba.engine.data import evaluation_loader, load_splits, model_labels
from videomamba.engine.device import resolve_device
from videomamba.engine.evaluation import evaluate
from videomamba.engine.predict import Prediction, predict
from videomamba.engine.trainer import TrainingError, TrainingInterrupted, TrainResult
from videomamba.engine.training import check_place, train

__all__ = [
    "DataConfig",
    "ModelChoice",
    "OptimConfig",
    "Prediction",
    "RunConfig",
    "TrainResult",
    "TrainingError",
    "TrainingInterrupted",
    "check_place",
    "evaluate",
    "evaluation_loader",
    "load_splits",
    "model_labels",
    "predict",
    "resolve_device",
    "train",
]
