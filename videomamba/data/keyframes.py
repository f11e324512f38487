"""Which frames a keyframe's timestamp means, and which frames around it make a clip."""

from dataclasses import dataclass

from videomamba.data.frame_folder import FrameFolder
from videomamba.data.reader import VideoReader
from videomamba.errors import UserError

AVA_START, AVA_END = 900.0, 1798.0  # seconds into the film: where AVA's frame folders begin, and the last keyframe


@dataclass(frozen=True)
class Keyframes:
    """From a timestamp to a time, by ``seconds = (timestamp - origin) * spacing``, or to an even share of a video.

    Attributes:
        origin: timestamp of a video's first frame; None is AVA's own: 900 for a folder of frames and for a video that
            ends before AVA's last keyframe, 1798 (a film's minutes 15 to 30, cut out), 0 for a whole film.
        spacing: seconds from one timestamp to the next.
        even: number of keyframes that lie evenly in every video, timestamps 1 to ``even``; then the rest is unused.
    """

    origin: float | None = None
    spacing: float = 1.0
    even: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Keyframes":
        """``ava``, ``ORIGIN:SPACING`` (such as 1:0.5) or ``even:N``.

        Raises:
            UserError: none of these.
        """
        first, colon, second = text.partition(":")
        try:
            if text == "ava":
                return cls()
            if first == "even" and int(second) > 0:
                return cls(even=int(second))
            if first != "even" and (not colon or float(second) > 0):
                return cls(float(first), float(second) if colon else 1.0)
        except ValueError:
            pass
        raise UserError(
            f"keyframes={text!r}; give ava (seconds of the film), ORIGIN:SPACING (timestamp of the first frame, "
            "seconds from one timestamp to the next) or even:N (N keyframes spread evenly over each video)"
        )

    def seconds(self, timestamp: int, length: float, *, is_folder: bool) -> float:
        """When a timestamp is, in seconds from the first frame of a video that is ``length`` seconds long; may lie
        outside."""
        if self.even is not None:
            return (timestamp - 0.5) / self.even * length
        origin = self.origin
        if origin is None:
            origin = AVA_START if is_folder or length < AVA_END else 0.0
        return (timestamp - origin) * self.spacing


def window(centre: int, num_frames: int, stride: int, total: int) -> list[int]:
    """``num_frames`` indices, ``stride`` apart, around ``centre``, as SlowFast takes them; those outside the video are
    its first or last frame."""
    start = centre - num_frames * stride // 2
    return [min(max(start + i * stride, 0), total - 1) for i in range(num_frames)]


def centre_frame(reader: VideoReader | FrameFolder, keyframes: Keyframes, timestamp: int) -> int:
    """The frame that is shown at a timestamp, the first or last one where it lies outside."""
    times = reader.times
    return times.index(keyframes.seconds(timestamp, times.duration, is_folder=isinstance(reader, FrameFolder)))
