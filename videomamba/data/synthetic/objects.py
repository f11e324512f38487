"""What moves, and what it moves in front of: textured shapes and backgrounds, drawn from a random generator."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_TEXTURE = 96  # pixels of an object's picture; larger than it ever appears


SHAPES = ("egg", "disc", "square", "triangle", "star")
COLOURS = {"red": 0.0, "yellow": 0.15, "green": 0.33, "blue": 0.66}  # hues, as shares of the circle


def draw_object(rng: np.random.Generator, *, shape: str = "egg", colour: str | None = None) -> Tensor:
    """A random shape with a bold texture: bright with a pale mark at its head, to the right, dim at its tail.

    Args:
        rng: draws all that is not named.
        shape: family of the outline, one of SHAPES.
        colour: family of the colours, one of COLOURS; two colours far from each other by default.

    Returns:
        (4, 96, 96) float32 in [0, 1]: colour and opacity. The shape fills most of the square.
    """
    axis = torch.linspace(-1, 1, _TEXTURE)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    angle, radius = torch.atan2(y, x), torch.hypot(x, y)
    outline = _outline(rng, shape, angle)
    for wave in (3, 5):
        outline = outline + rng.uniform(0.0, 0.03) * torch.cos(wave * angle + rng.uniform(0, 2 * math.pi))
    opacity = ((outline - radius) * _TEXTURE / 3).clamp(0, 1)

    first, second, mark = _colours(rng, colour)
    pattern = _pattern(rng, x, y)
    paint = first[:, None, None] * pattern + second[:, None, None] * (1 - pattern)
    paint = paint * (0.7 + 0.5 * x).clamp(0.25, 1)  # light at the head, dim at the tail
    from_mark = torch.hypot(x - rng.uniform(0.42, 0.5), y)
    inside = ((rng.uniform(0.26, 0.32) - from_mark) * _TEXTURE / 3).clamp(0, 1)
    paint = mark[:, None, None] * inside + paint * (1 - inside)
    rim = ((0.09 - (outline - radius)) * 12).clamp(0, 1)
    return torch.cat([paint * (1 - 0.35 * rim), opacity[None]])


def draw_background(rng: np.random.Generator, size: int) -> Tensor:
    """(3, size, size) float32 in [0, 1]: two near, dark colours that blend slowly, with a fine grain."""
    base, other = (_rgb(rng.uniform(0, 1), rng.uniform(0.1, 0.3), saturation=0.5) for _ in range(2))
    coarse = torch.tensor(rng.uniform(0, 1, (1, 1, 4, 4)), dtype=torch.float32)
    blend = F.interpolate(coarse, size=(size, size), mode="bicubic").clamp(0, 1)[0]
    grain = torch.tensor(rng.normal(0, 0.015, (1, size, size)), dtype=torch.float32)
    return (base[:, None, None] * blend + other[:, None, None] * (1 - blend) + grain).clamp(0, 1)


def _outline(rng: np.random.Generator, shape: str, angle: Tensor) -> Tensor:
    """The shape's radius in each direction."""
    if shape == "egg":
        return 0.7 + rng.uniform(0.14, 0.2) * torch.cos(2 * angle) + rng.uniform(0.0, 0.06) * torch.cos(angle)
    if shape == "disc":
        return torch.full_like(angle, rng.uniform(0.74, 0.82))
    if shape == "star":
        return 0.66 + rng.uniform(0.16, 0.22) * torch.cos(5 * angle)
    corners = {"square": 4, "triangle": 3}[shape]
    apothem = {"square": 0.62, "triangle": 0.46}[shape] * rng.uniform(0.95, 1.05)
    sector = 2 * math.pi / corners
    return apothem / torch.cos(torch.remainder(angle, sector) - sector / 2)


def _pattern(rng: np.random.Generator, x: Tensor, y: Tensor) -> Tensor:
    """Stripes, checks, rings or a wavy split, with soft edges, in [0, 1]."""
    turn, pitch, phase = rng.uniform(0, math.pi), rng.uniform(5, 9), rng.uniform(0, 2 * math.pi)
    along = x * math.cos(turn) + y * math.sin(turn)
    across = -x * math.sin(turn) + y * math.cos(turn)
    waves = {
        "stripes": torch.sin(pitch * along + phase),
        "checks": torch.sin(pitch * along + phase) * torch.sin(pitch * across),
        "rings": torch.sin(2 * pitch * torch.hypot(x, y) + phase),
        "split": along + 0.3 * torch.sin(3 * across),
    }
    return torch.sigmoid(8 * waves[str(rng.choice(list(waves)))])


def _colours(rng: np.random.Generator, family: str | None) -> tuple[Tensor, Tensor, Tensor]:
    """Two colours of a pattern, bright and a third of the circle apart or of one family; a pale one for the mark."""
    if family is None:
        hue = rng.uniform(0, 1)
        first, second = _rgb(hue, 1.0), _rgb(hue + rng.uniform(0.2, 0.45), 0.8)
    else:
        hue = COLOURS[family] + rng.uniform(-0.05, 0.05)
        first, second = _rgb(hue, 1.0), _rgb(hue + rng.uniform(-0.08, 0.08), 0.5)
    return first, second, _rgb(rng.uniform(0, 1), 1.0, saturation=0.15)


def _rgb(hue: float, value: float, saturation: float = 0.75) -> Tensor:
    channel = torch.tensor([5.0, 3.0, 1.0]) + 6 * hue
    ramp = torch.minimum(channel % 6, 4 - channel % 6).clamp(0, 1)
    return value * (1 - saturation * ramp)
