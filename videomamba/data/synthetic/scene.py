"""Objects put into a picture in a pose, and the picture as frames."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

FINENESS = 2  # scenes are rendered so many times as large as the frames, and averaged: edges move smoothly


@dataclass(frozen=True)
class Pose:
    """An object in the picture, whose edges lie at -1 and 1; each field is one number, or one number per frame.

    Attributes:
        x, y: centre; y grows downwards.
        size: radius.
        angle: radians, clockwise.
        gap: distance by which each half of the object is moved from its middle line, in radii.
        width: squeeze along its own horizontal axis.
        light: brightness.
    """

    x: float | np.ndarray
    y: float | np.ndarray
    size: float | np.ndarray
    angle: float | np.ndarray
    gap: float | np.ndarray = 0.0
    width: float | np.ndarray = 1.0
    light: float | np.ndarray = 1.0


def composed(picture: Tensor, texture: Tensor, pose: Pose) -> Tensor:
    """(T, 3, H, W) with an object over it: every pixel is traced back to the object's own picture."""
    frames, _, height, width = picture.shape
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")

    def per_frame(value: float | np.ndarray) -> Tensor:
        return torch.as_tensor(np.broadcast_to(value, frames).copy(), dtype=torch.float32)[:, None, None]

    dx, dy = x - per_frame(pose.x), y - per_frame(pose.y)
    cos, sin = torch.cos(per_frame(pose.angle)), torch.sin(per_frame(pose.angle))
    own_x = (dx * cos + dy * sin) / (per_frame(pose.size) * per_frame(pose.width))
    own_y = (-dx * sin + dy * cos) / per_frame(pose.size)
    gap = per_frame(pose.gap)
    between = own_y.abs() < gap
    own_y = torch.where(between, 2.0, own_y - torch.sign(own_y) * gap)  # 2 lies outside the object's picture
    grid = torch.stack([own_x, own_y], -1)
    seen = F.grid_sample(texture.expand(frames, -1, -1, -1), grid, align_corners=False)
    colour, opacity = seen[:, :3] * per_frame(pose.light)[:, None], seen[:, 3:]
    return colour * opacity + picture * (1 - opacity)


def to_frames(picture: Tensor) -> np.ndarray:
    """A rendered (T, 3, H, W) in [0, 1] as frames (T, h, w, 3) uint8."""
    small = F.avg_pool2d(picture, FINENESS)
    return (small * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
