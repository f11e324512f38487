"""Trains and evaluates; knows the abstract task and no concrete one."""

from videomamba.extras import require

require("accelerate", "training or evaluating")

from videomamba.engine.config import DataConfig, ModelChoice, OptimConfig, RunConfig
from videomamba.engine.data import evaluation_loader, load_splits, model_labels
from videomamba.engine.evaluation import evaluate
from videomamba.engine.result import TrainingError, TrainingInterrupted, TrainResult
from videomamba.engine.training import check_place, train

__all__ = [
    "DataConfig",
    "ModelChoice",
    "OptimConfig",
    "RunConfig",
    "TrainResult",
    "TrainingError",
    "TrainingInterrupted",
    "check_place",
    "evaluate",
    "evaluation_loader",
    "load_splits",
    "model_labels",
    "train",
]
