"""The motions, in pairs that are each other's time reversal, and how a clip is rendered.

A clip is one object with a pose: place, size, angle, gap between its halves, width, brightness. All of it is drawn at
random and stays, except for what the class moves: that runs through its whole range. So a frame shows the same poses
whatever the class, and the second class of a pair is rendered as the first one backwards: nothing but the order of the
frames can tell them apart. A flip of the picture turns one sense of rotation into the other, so train without it.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from videomamba.data.synthetic.files import Synthetic
from videomamba.data.synthetic.objects import draw_background, draw_object
from videomamba.data.synthetic.scene import FINENESS, Pose, composed, to_frames
from videomamba.errors import UserError

_EASY = (("approach", "recede"), ("turn_right", "turn_left"), ("enter", "leave"), ("open", "close"))
_MORE = (("pick_up", "put_down"), ("unfold", "fold"), ("light_up", "go_dark"))
LEVELS: dict[str, tuple[tuple[str, str], ...]] = {"easy": _EASY, "hard": _EASY + _MORE}


@dataclass(frozen=True, kw_only=True)
class SyntheticMotions(Synthetic):
    """Clips of the motions.

    Attributes:
        level: ``easy`` or ``hard``.
        num_frames: of each clip.
    """

    level: str = "easy"
    num_frames: int = 16

    @property
    def class_names(self) -> tuple[str, ...]:
        return class_names(self.level)

    def render(self, name: str, seed: tuple[int, ...]) -> np.ndarray:
        return render_motion(name, seed=seed, level=self.level, num_frames=self.num_frames, size=self.size)


def class_names(level: str) -> tuple[str, ...]:
    """Sorted names of a level's classes.

    Raises:
        UserError: unknown level.
    """
    return tuple(sorted(name for pair in _pairs(level) for name in pair))


def reversed_class(name: str) -> str:
    """The class that a clip of ``name`` belongs to when it is played backwards."""
    for first, second in LEVELS["hard"]:
        if name in (first, second):
            return second if name == first else first
    raise UserError(f"unknown class {name!r}; choose one of {', '.join(class_names('hard'))}")


def render_motion(
    name: str, *, seed: int | tuple[int, ...], level: str = "easy", num_frames: int = 16, size: int = 64
) -> np.ndarray:
    """One clip of a class, the same for the same arguments.

    Returns:
        (T, H, W, 3) uint8.

    Raises:
        UserError: unknown level, or a class that the level does not have.
    """
    for first, second in _pairs(level):
        if name == first:
            return _render(first, np.random.default_rng(seed), level, num_frames, size)
        if name == second:
            return _render(first, np.random.default_rng(seed), level, num_frames, size)[::-1].copy()
    raise UserError(f"unknown class {name!r} at level {level}; choose one of {', '.join(class_names(level))}")


def _pairs(level: str) -> tuple[tuple[str, str], ...]:
    if level not in LEVELS:
        raise UserError(f"unknown level {level!r}; choose one of {', '.join(LEVELS)}")
    return LEVELS[level]


def _render(motion: str, rng: np.random.Generator, level: str, num_frames: int, size: int) -> np.ndarray:
    fine = FINENESS * size
    picture = draw_background(rng, fine).expand(num_frames, 3, fine, fine)
    radius = (0.5, 0.85) if level == "easy" else (0.26, 0.4)
    layers = [(draw_object(rng), _moving(motion, rng, num_frames, radius))]
    if level == "hard":  # clutter moves too, in straight lines, behind the object
        layers = [(draw_object(rng), _wandering(rng, num_frames)) for _ in range(3)] + layers
    camera_x, camera_y = (np.linspace(-1, 1, num_frames) * rng.uniform(-0.05, 0.05) for _ in range(2))
    zoom = 1 + np.linspace(-1, 1, num_frames) * rng.uniform(-0.02, 0.02)
    for texture, pose in layers:
        seen = dataclasses.replace(
            pose, x=zoom * (pose.x + camera_x), y=zoom * (pose.y + camera_y), size=zoom * pose.size
        )
        picture = composed(picture, texture, seen)
    return to_frames(picture)


def _moving(motion: str, rng: np.random.Generator, num_frames: int, radius: tuple[float, float]) -> Pose:
    """A random pose in which one thing runs from 0 to 1, never back: evenly, or a little faster at one end."""
    run = np.linspace(0, 1, num_frames) ** math.exp(rng.uniform(-0.4, 0.4))
    size, angle = rng.uniform(*radius), rng.uniform(-math.pi, math.pi)
    x, y = rng.uniform(-0.3, 0.3, 2)
    still = Pose(x, y, size, angle, gap=rng.uniform(0, 0.6))
    if motion == "approach":
        return dataclasses.replace(still, size=size * 3.5 ** (run - 0.6))
    if motion == "turn_right":
        return dataclasses.replace(still, angle=angle + rng.uniform(2.8, 4.2) * run)
    if motion == "enter":
        side = rng.uniform(-math.pi, math.pi)
        across, down = math.cos(side), math.sin(side)
        away = (1 + 0.75 * size) / max(abs(across), abs(down)) * (1 - run)  # at first just outside the frame
        return dataclasses.replace(still, x=x * run + away * across, y=y * run + away * down)
    if motion == "open":
        return dataclasses.replace(still, gap=rng.uniform(0.7, 1.0) * run)
    if motion == "pick_up":
        return dataclasses.replace(still, y=(1 - size) - rng.uniform(0.8, 1.0) * run)
    if motion == "unfold":
        return dataclasses.replace(still, width=0.15 + 0.85 * run)
    assert motion == "light_up", motion
    return dataclasses.replace(still, light=0.15 + 0.85 * run)


def _wandering(rng: np.random.Generator, num_frames: int) -> Pose:
    """Clutter: small, in a straight line, turning slowly."""
    run = np.linspace(0, 1, num_frames)
    start, end = rng.uniform(-1, 1, 2), rng.uniform(-1, 1, 2)
    x, y = (a + (b - a) * run for a, b in zip(start, end, strict=True))
    return Pose(x, y, rng.uniform(0.1, 0.2), rng.uniform(-math.pi, math.pi) + rng.uniform(-1, 1) * run)
