"""Cameras by OpenCV, which is not needed for anything else."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from videomamba.data.camera import Camera, camera_number
from videomamba.data.errors import VideoError
from videomamba.errors import UserError


class Capture:
    """Three blue pictures in OpenCV's order of channels from camera 0; no other camera."""

    def __init__(self, number):
        self.number, self.left, self.is_released = number, 3, False

    def isOpened(self):
        return self.number == 0

    def get(self, what):
        return 0.0

    def read(self):
        self.left -= 1
        return (self.left >= 0, np.full((4, 6, 3), (255, 0, 0), np.uint8))

    def release(self):
        self.is_released = True


def test_frames_are_rgb_until_it_is_unplugged(monkeypatch):
    fake = SimpleNamespace(
        VideoCapture=Capture, cvtColor=lambda x, how: x[..., ::-1].copy(), COLOR_BGR2RGB=4, CAP_PROP_FPS=5
    )
    monkeypatch.setitem(sys.modules, "cv2", fake)
    camera = Camera("camera:0")
    frames = list(camera.frames())
    assert camera.fps is None  # the driver says 0
    assert len(frames) == 3
    assert torch.equal(frames[0].picture, torch.tensor([0, 0, 255], dtype=torch.uint8).expand(4, 6, 3))
    assert frames[0].seconds <= frames[2].seconds
    camera.close()
    assert camera._capture.is_released
    with pytest.raises(VideoError, match="camera:1 cannot be opened"):
        Camera("camera:1")


def test_without_opencv(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match=r'camera:0 needs OpenCV: pip install "videomamba\[camera\]"'):
        Camera("camera:0")


def test_which_sources_are_cameras():
    assert [camera_number(s) for s in ("camera:0", "camera:12", "camera:", "camera:x", "a.mp4")] == [
        0,
        12,
        None,
        None,
        None,
    ]
