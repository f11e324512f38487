"""Inference with a trained model: classes, boxes, segments, features."""

from videomamba.inference.predict import predict
from videomamba.inference.recognize import recognize
from videomamba.inference.result import ActionBox, ClassScore, Keyframe, Result, Segment
from videomamba.inference.session import Session
from videomamba.inference.timeline import Moment, timeline

__all__ = [
    "ActionBox",
    "ClassScore",
    "Keyframe",
    "Moment",
    "Result",
    "Segment",
    "Session",
    "predict",
    "recognize",
    "timeline",
]
