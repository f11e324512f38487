"""When each frame of a video is shown: the one way from a time to a frame and back."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

SLOWEST, FASTEST = 1e-3, 1e3  # frames per second that are plausible
ASSUMED_FPS = 25.0  # where neither a file's header nor its frames say


@dataclass(frozen=True, eq=False)
class FrameTimes:
    """Presentation times of a video's frames.

    Attributes:
        seconds: (N,) float64, ascending, from the first frame on: the first is 0.
        fps: average frames a second, from the first frame to the last.
        start: the first frame's time by the file's own clock, in seconds.
        is_assumed: neither the header nor the frames say how fast the video plays: ``fps`` is assumed.
    """

    seconds: NDArray[np.float64]
    fps: float
    start: float = 0.0
    is_assumed: bool = False

    @classmethod
    def evenly(cls, count: int, fps: float | None) -> "FrameTimes":
        """``count`` frames, ``fps`` per second where that is plausible, else 25."""
        believed = fps if fps is not None and SLOWEST <= fps <= FASTEST else None
        return cls(np.arange(count) / (believed or ASSUMED_FPS), believed or ASSUMED_FPS, is_assumed=believed is None)

    @classmethod
    def of(cls, ticks: Sequence[int], unit: Fraction, header_fps: float | None) -> "FrameTimes":
        """From the frames' own timestamps, in the order in which they are shown.

        Where a time repeats or goes back, as in joined recordings, the times continue from there. The header's rate is
        used where the frames' times, which are rounded, agree with it; where these are absurd, the times follow from
        the header's rate, or 25.

        Args:
            ticks: a timestamp for each frame.
            unit: of the ticks, in seconds.
            header_fps: what the header says.
        """
        count = len(ticks)
        header = header_fps if header_fps is not None and SLOWEST <= header_fps <= FASTEST else None
        seconds = np.array(_never_back(ticks), np.float64) * float(unit)
        seconds, start = seconds - seconds[0], float(ticks[0] * unit)
        if count == 1:
            return cls(seconds, header or ASSUMED_FPS, start, is_assumed=header is None)
        fps = (count - 1) / seconds[-1] if seconds[-1] > 0 else 0.0
        if header is not None and abs(seconds[-1] - (count - 1) / header) <= 2 * unit:
            fps = header
        if SLOWEST <= fps <= FASTEST:
            return cls(seconds, float(fps), start)
        return cls.evenly(count, header)

    def __len__(self) -> int:
        return len(self.seconds)

    def __getitem__(self, index: int) -> float:
        """Seconds from the first frame to this one."""
        return float(self.seconds[index])

    def index(self, seconds: float) -> int:
        """The frame that is shown so many seconds after the first one; the first or last one outside the video.

        Times are rounded, by people and in files: a frame that begins within half a usual frame counts as begun. At a
        constant rate this is the nearest frame.
        """
        begun = int(np.searchsorted(self.seconds, seconds + 0.5 * self.usual, side="right"))
        return min(max(begun - 1, 0), len(self) - 1)

    @cached_property
    def usual(self) -> float:
        """Seconds from one frame to the next, the median."""
        if len(self) < 2:
            return 1 / self.fps
        return float(np.median(np.diff(self.seconds)))

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the end of the last one, which is shown for as long as usual."""
        return self[-1] + self.usual

    @cached_property
    def is_constant(self) -> bool:
        """Every frame is within half a frame of where ``fps`` puts it."""
        return bool(np.abs(self.seconds - np.arange(len(self)) / self.fps).max() < 0.5 / self.fps)


def _never_back(ticks: Sequence[int]) -> list[int]:
    """The same, always increasing: a part whose clock starts again follows one usual step after the part before."""
    forward = [b - a for a, b in itertools.pairwise(ticks) if b > a]
    step = sorted(forward)[len(forward) // 2] if forward else 1
    result, shift = [ticks[0]], 0
    for before, now in itertools.pairwise(ticks):
        if now <= before:
            shift += before + step - now
        result.append(now + shift)
    return result
