"""Inference with a trained model: classes, boxes, segments, features."""

from videomamba.inference.predict import predict
from videomamba.inference.recognize import recognize
from videomamba.inference.result import ActionBox, ClassScore, Keyframe, Result, Segment

__all__ = ["ActionBox", "ClassScore", "Keyframe", "Result", "Segment", "predict", "recognize"]
