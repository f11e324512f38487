"""What moves, and what it moves in front of: textured shapes and backgrounds, drawn from a random generator."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_TEXTURE = 96  # pixels of an object's picture; larger than it ever appears


def draw_object(rng: np.random.Generator) -> Tensor:
    """A random shape with a bold texture and a mark off its centre, so that it looks different from every side.

    Returns:
        (4, 96, 96) float32 in [0, 1]: colour and opacity. The shape fills most of the square.
    """
    axis = torch.linspace(-1, 1, _TEXTURE)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    radius, angle = torch.hypot(x, y), torch.atan2(y, x)
    outline = torch.full_like(radius, 0.78)
    for wave in (2, 3, 5):
        outline = outline + rng.uniform(0.02, 0.09) * torch.cos(wave * angle + rng.uniform(0, 2 * math.pi))
    opacity = ((outline - radius) * _TEXTURE / 3).clamp(0, 1)

    first, second, third = _distinct_colours(rng)
    pattern = _pattern(rng, x, y)
    colour = first[:, None, None] * pattern + second[:, None, None] * (1 - pattern)
    direction, distance = rng.uniform(0, 2 * math.pi), rng.uniform(0.35, 0.45)
    from_mark = torch.hypot(x - distance * math.cos(direction), y - distance * math.sin(direction))
    mark = ((rng.uniform(0.2, 0.27) - from_mark) * _TEXTURE / 3).clamp(0, 1)
    colour = third[:, None, None] * mark + colour * (1 - mark)
    rim = ((0.09 - (outline - radius)) * 12).clamp(0, 1)
    return torch.cat([colour * (1 - 0.6 * rim), opacity[None]])


def draw_background(rng: np.random.Generator, size: int) -> Tensor:
    """(3, size, size) float32 in [0, 1]: two near colours that blend slowly, with a fine grain."""
    base = torch.tensor(rng.uniform(0.25, 0.75, 3), dtype=torch.float32)
    other = (base + torch.tensor(rng.uniform(-0.15, 0.15, 3), dtype=torch.float32)).clamp(0.1, 0.9)
    coarse = torch.tensor(rng.uniform(0, 1, (1, 1, 4, 4)), dtype=torch.float32)
    blend = F.interpolate(coarse, size=(size, size), mode="bicubic").clamp(0, 1)[0]
    grain = torch.tensor(rng.normal(0, 0.015, (1, size, size)), dtype=torch.float32)
    return (base[:, None, None] * blend + other[:, None, None] * (1 - blend) + grain).clamp(0, 1)


def _pattern(rng: np.random.Generator, x: Tensor, y: Tensor) -> Tensor:
    """Stripes, checks, rings or a two-tone split, with soft edges, in [0, 1]."""
    turn, pitch, phase = rng.uniform(0, math.pi), rng.uniform(5, 9), rng.uniform(0, 2 * math.pi)
    along = x * math.cos(turn) + y * math.sin(turn)
    across = -x * math.sin(turn) + y * math.cos(turn)
    waves = {
        "stripes": torch.sin(pitch * along + phase),
        "checks": torch.sin(pitch * along + phase) * torch.sin(pitch * across),
        "rings": torch.sin(2 * pitch * torch.hypot(x, y) + phase),
        "split": along + 0.3 * torch.sin(3 * across),
    }
    wave = waves[str(rng.choice(list(waves)))]
    return torch.sigmoid(8 * wave)


def _distinct_colours(rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A bright, a dark and a contrasting colour: hues a third of the circle apart."""
    hue = rng.uniform(0, 1)
    return _rgb(hue, 0.95), _rgb(hue + 1 / 3 + rng.uniform(-0.1, 0.1), 0.35), _rgb(hue + 2 / 3, 1.0)


def _rgb(hue: float, value: float, saturation: float = 0.75) -> Tensor:
    channel = torch.tensor([5.0, 3.0, 1.0]) + 6 * hue
    ramp = torch.minimum(channel % 6, 4 - channel % 6).clamp(0, 1)
    return value * (1 - saturation * ramp)
