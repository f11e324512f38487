"""Trains and evaluates; knows the abstract task and no concrete one."""

from videomamba.engine.config import DataConfig, ModelConfig, OptimConfig, RunConfig
from videomamba.engine.data import evaluation_loader, load_splits, model_labels
from videomamba.engine.evaluate import evaluate
from videomamba.engine.train import check_run, train
from videomamba.engine.trainer import TrainingError, TrainingInterrupted, TrainResult

__all__ = [
    "DataConfig",
    "ModelConfig",
    "OptimConfig",
    "RunConfig",
    "TrainResult",
    "TrainingError",
    "TrainingInterrupted",
    "check_run",
    "evaluate",
    "evaluation_loader",
    "load_splits",
    "model_labels",
    "train",
]
