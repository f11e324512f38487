"""A camera of this machine, by OpenCV: the FFmpeg in PyAV's wheels has no support for cameras on Linux."""

import re
import time
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from videomamba.data.errors import VideoError
from videomamba.errors import UserError


class CameraFrame(NamedTuple):
    """A picture (H, W, 3) uint8, RGB, and when it came, in seconds."""

    seconds: float
    picture: Tensor


def camera_number(source: str) -> int | None:
    """N of ``camera:N``; None for another source."""
    found = re.fullmatch(r"camera:(\d{1,3})", source)
    return int(found[1]) if found else None


class Camera:
    """Frames of ``camera:N`` until it is closed or unplugged.

    Attributes:
        fps: frames per second, as the driver has it; None where it does not say.

    Raises:
        UserError: OpenCV is not installed.
        VideoError: there is no such camera.
    """

    def __init__(self, name: str) -> None:
        try:
            import cv2
        except ImportError as error:
            raise UserError(f'{name} needs OpenCV: pip install "videomamba[camera]"') from error
        number = camera_number(name)
        assert number is not None, name
        self._to_rgb = lambda picture: cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        self._capture = cv2.VideoCapture(number)
        if not self._capture.isOpened():
            raise VideoError(f"{name} cannot be opened; camera:0 is the first camera of this machine")
        self.fps = self._capture.get(cv2.CAP_PROP_FPS) or None

    def frames(self) -> Iterator[CameraFrame]:
        """Frames as they arrive; ends when the camera gives no more."""
        while True:
            there, picture = self._capture.read()
            if not there:
                return
            yield CameraFrame(time.monotonic(), torch.from_numpy(self._to_rgb(picture)))

    def close(self) -> None:
        """Releases the camera."""
        self._capture.release()
