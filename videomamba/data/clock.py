"""Presentation times of a stream's frames, one at a time as they arrive."""

from videomamba.data.frame_times import ASSUMED_FPS, FASTEST, SLOWEST


class Clock:
    """Seconds since the first frame, always increasing, one frame at a time.

    A frame without a time, one whose time repeats or goes back, and one after an absurd gap are placed one usual step
    after the frame before: that of the header's rate, or else the last that was seen.

    Args:
        fps: frames per second by the header, or None.

    Attributes:
        usual: seconds from one frame to the next.
        is_assumed: neither the header nor the frames say how fast the video plays.
    """

    def __init__(self, fps: float | None) -> None:
        believed = fps is not None and SLOWEST <= fps <= FASTEST
        self.fps = fps if believed and fps is not None else ASSUMED_FPS
        self.usual = 1 / self.fps
        self.is_assumed = not believed
        self._now: float | None = None
        self._last: float | None = None
        self._gap = 0.0

    def __call__(self, seconds: float | None, unit: float) -> float:
        """Time of the next frame.

        Args:
            seconds: by the stream's own clock, or None.
            unit: to which these are rounded.
        """
        if self._now is None:
            self._now, self._last = 0.0, seconds
            return 0.0
        passed = None if seconds is None or self._last is None else seconds - self._last
        if passed is None or not max(1 / FASTEST, unit / 2) <= passed <= 1 / SLOWEST:
            passed = self.usual
        else:
            if self.is_assumed:
                self.usual = passed
            self.is_assumed = False
        self._last = seconds
        self._now += passed + self._gap
        self._gap = 0.0
        return self._now

    def jump(self, seconds: float) -> None:
        """The next frame starts a new clock, this many seconds later than usual."""
        self._gap, self._last = seconds, None
