"""Writing h264 mp4 files: the project's one encoder."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

from videomamba.data.errors import reason
from videomamba.data.ffmpeg import ffmpeg_name
from videomamba.errors import UserError
from videomamba.files import whole_file

_TICKS = 90_000  # a second: times of frames are rounded to these
# without the two parameters x264 writes other bytes from one run to the next; crf 16 is nearly without loss
_X264 = {"crf": "16", "preset": "veryfast", "x264-params": "no-mbtree=1:cpu-independent=1"}


@contextlib.contextmanager
def video_file(
    path: str | Path, *, height: int, width: int, fps: float | Fraction, pixel_aspect: Fraction = Fraction(1)
) -> "Iterator[VideoWriter]":
    """An mp4 file to write frames to; it appears under its name when it is whole. Equal frames give equal bytes.

    Args:
        path: the file; its folder is made.
        height, width: of the frames; an odd side loses its last pixel, which h264 cannot have.
        fps: frames a second.
        pixel_aspect: width over height of a pixel.

    Raises:
        UserError: FFmpeg cannot write it.
        OSError: the disk is full or may not be written to.
    """
    path = Path(path)
    try:
        with (
            whole_file(path) as temporary,
            av.open(ffmpeg_name(temporary), "w", format="mp4") as container,
        ):
            writer = VideoWriter(container, height // 2 * 2, width // 2 * 2, Fraction(fps), pixel_aspect)
            yield writer
            writer.finish()
    except av.error.FFmpegError as error:
        raise UserError(f"{path} cannot be written: {reason(error)}") from error


def write_video(path: str | Path, frames: NDArray[np.uint8], *, fps: int | Fraction) -> None:
    """Writes (T, H, W, 3) uint8 as h264 in yuv420p, nearly without loss.

    Raises:
        As :func:`video_file`.
    """
    with video_file(path, height=frames.shape[1], width=frames.shape[2], fps=fps) as writer:
        for frame in frames:
            writer.write(frame)


class VideoWriter:
    """Takes the frames of one file; see :func:`video_file`."""

    def __init__(
        self, container: OutputContainer, height: int, width: int, fps: Fraction, pixel_aspect: Fraction
    ) -> None:
        self._container = container
        self._stream = container.add_stream("libx264", rate=fps.limit_denominator(1001), options=_X264)
        self._stream.height, self._stream.width, self._stream.pix_fmt = height, width, "yuv420p"
        self._stream.codec_context.thread_count = 1
        if pixel_aspect != 1:
            self._stream.codec_context.sample_aspect_ratio = pixel_aspect
        self._last = -1  # tick of the last frame

    def write(self, frame: NDArray[np.uint8], seconds: float | None = None) -> None:
        """One frame.

        Args:
            frame: (H, W, 3), RGB.
            seconds: when it is shown, for a rate that varies; ascending, given for all frames or for none.
        """
        even = np.ascontiguousarray(frame[: self._stream.height, : self._stream.width])
        picture = av.VideoFrame.from_ndarray(even, format="rgb24")
        if seconds is not None:
            if self._last < 0:
                self._stream.codec_context.time_base = Fraction(1, _TICKS)
            self._last = max(self._last + 1, round(seconds * _TICKS))
            picture.pts, picture.time_base = self._last, Fraction(1, _TICKS)
        self._container.mux(self._stream.encode(picture))

    def finish(self) -> None:
        """Writes the frames that the encoder still holds, and only a header where there was no frame."""
        self._container.start_encoding()
        self._container.mux(self._stream.encode())
