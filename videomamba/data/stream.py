"""A video as it arrives: frames in order with their times, from sources that open only once and may never end."""

import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from io import IOBase
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from torch import Tensor

from videomamba.data.camera import Camera, CameraFrame, camera_number
from videomamba.data.clock import Clock
from videomamba.data.closing import Closing
from videomamba.data.errors import VideoError, reason
from videomamba.data.ffmpeg import ffmpeg_name, is_packed, video_stream
from videomamba.data.reader import plainer, resized, shrink
from videomamba.data.to_rgb import ToRGB, display_matrix
from videomamba.notes import UserNote

PROTOCOLS = ("http://", "https://", "rtsp://", "rtsps://", "rtmp://", "rtmps://")
_EIO = 5  # FFmpeg's error where a connection closes whose length was not announced
_PAUSE = 0.5  # seconds from one attempt to reconnect to the next


@dataclass(frozen=True, eq=False, slots=True)
class StreamFrame:
    """One frame.

    Attributes:
        index: how many were before it.
        seconds: when it is shown, from the first frame on.
        picture: (3, H, W) uint8, RGB; as large as the first one.
        is_new_start: the source was connected to again: between the frame before and this one some are missing.
    """

    index: int
    seconds: float
    picture: Tensor
    is_new_start: bool = False


class VideoStream(Closing):
    """Frames of a video in order, each decoded once, in memory that does not depend on the length; a context manager.

    Times are the frames' own, as of :class:`videomamba.VideoReader`, which needs a file that it can read twice.

    Args:
        source: a path, ``-`` (standard input), an http(s), rtsp or rtmp URL, ``camera:0``, or a file object, of which
            only ``read`` is needed.
        timeout: seconds to wait for a network stream's answer, and for each of its packets.
        reconnect: seconds to try again after a network stream fails; 0 for never.
        endless: an end counts as a failure too, as of a live stream whose server is restarted.

    Attributes:
        name: of the source, for messages.
        seconds: how long the video is, by its header; None where that does not say.
        fps: frames per second, by its header; None where that does not say.
        is_live: frames come at their own pace: a network stream without a length, or a camera.
        reconnects: how often a failed stream was connected to again.

    Raises:
        VideoError: it cannot be opened, or is no video.
    """

    def __init__(
        self, source: str | Path | IOBase, *, timeout: float = 10.0, reconnect: float = 10.0, endless: bool = False
    ) -> None:
        self.name = str(source) if isinstance(source, str | Path) else str(getattr(source, "name", "<file object>"))
        self.reconnects = 0
        self._source, self._timeout, self._patience = source, timeout, reconnect
        self._is_url = isinstance(source, str) and source.lower().startswith(PROTOCOLS)
        self._is_file = isinstance(source, Path) or (isinstance(source, str) and not is_once(source))
        self._camera = Camera(source) if isinstance(source, str) and camera_number(source) is not None else None
        self._container: InputContainer | None = None
        self._reading, self._is_closed = threading.Lock(), False
        self._arrived = time.monotonic()  # of the newest packet
        self._by_dts = False
        self.seconds: float | None = None
        self.fps: float | None = self._camera.fps if self._camera else None
        if self._camera is None:
            self._open()
        self.is_live = self._camera is not None or (self._is_url and self.seconds is None and not self._has_size)
        self._endless = endless and self.is_live
        self._clock = Clock(self.fps)
        self._index = 0

    def frames(
        self,
        *,
        step: int = 1,
        first: int = 0,
        short_side: int | None = None,
        on_time: Callable[[float], None] | None = None,
    ) -> Iterator[StreamFrame]:
        """Every ``step``-th frame from the frame ``first`` on.

        A stream that ends is a normal end, and so is one that fails and cannot be connected to again, which a
        :class:`videomamba.notes.UserNote` says. Packets that cannot be decoded cost their frames, which a note counts.

        Args:
            step: source frames from one frame to the next.
            first: frames before it are decoded for their times only.
            short_side: shrink each larger frame to this many pixels on its short side.
            on_time: called with the seconds of every frame of the source.

        Raises:
            VideoError: nothing can be decoded.
        """
        size: list[int] | None = None
        to_rgb = ToRGB()
        is_new_start = False
        for frame in self._decoded():
            if frame is None:
                is_new_start = True
                continue
            index, self._index = self._index, self._index + 1
            if isinstance(frame, VideoFrame):
                unit = frame.time_base or Fraction(1, 1)
                tick = frame.dts if self._by_dts else frame.pts
                seconds = self._clock(None if tick is None else float(tick * unit), float(unit))
                to_rgb.matrix = display_matrix(frame) or to_rgb.matrix
            else:
                seconds = self._clock(frame.seconds, 0.0)
            if on_time is not None:
                on_time(seconds)
            if index < first or index % step:
                continue
            picture = shrink(self._picture(frame, to_rgb), short_side)
            size = list(picture.shape[:2]) if size is None else size
            yield StreamFrame(index, seconds, resized(picture, size).permute(2, 0, 1), is_new_start)
            is_new_start = False
        if not self._index:
            raise VideoError(f"{self.name} has no frame that can be decoded")
        if self._clock.is_assumed:
            self._note(f"does not say how fast it plays: {self._clock.fps:g} frames a second are assumed")

    def _picture(self, frame: VideoFrame | CameraFrame, to_rgb: ToRGB) -> Tensor:
        try:
            return to_rgb(frame) if isinstance(frame, VideoFrame) else frame.picture
        except (av.error.FFmpegError, RuntimeError, MemoryError) as error:
            raise VideoError(f"{self.name} cannot be decoded: {reason(error)}") from error

    @property
    def usual(self) -> float:
        """Seconds that a frame is shown for, as far as is known by now."""
        return self._clock.usual

    def _decoded(self) -> Iterator[Any]:
        """Frames as they are decoded; None where a stream begins anew."""
        if self._camera is not None:
            yield from self._camera.frames()
            return
        broken = 0
        while True:
            why = None
            for frame in self._read():
                if isinstance(frame, VideoFrame):
                    yield frame
                elif frame is None:
                    broken += 1
                else:
                    why = frame
            if why is None and not self._endless:
                break
            if why is not None and self._is_end(why):
                self._note(f"ends early, after frame {self._index}: {reason(why)}")
                break
            if not self._reconnected():
                break
            yield None
        if broken:
            self._note(f"{broken} packets cannot be decoded; their frames are missing")

    def _read(self) -> Iterator[VideoFrame | Exception | None]:
        """Frames; None for a packet that cannot be decoded; last, where that is not its end, why it broke off."""
        container, failure = self._container, None
        assert container is not None
        packets = container.demux(self._stream)
        while True:
            found: list[VideoFrame | Exception | None] = []
            with self._reading:
                if self._is_closed:
                    container.close()
                    return
                try:
                    packet = next(packets, None)
                except (av.error.FFmpegError, OSError, IndexError) as error:  # the last one where streams come up later
                    failure, packet = None if isinstance(error, IndexError) else error, None
                if packet is not None and self._is_mpeg4:
                    self._by_dts = self._by_dts or is_packed(packet)
                try:  # at the end or the break, what the decoder holds back
                    found += self._stream.codec_context.decode(None) if packet is None else packet.decode()
                except av.error.EOFError:
                    pass  # it was flushed already
                except av.error.FFmpegError:
                    found.append(None)
            if packet is not None:
                self._arrived = time.monotonic()
            yield from found
            if packet is None:
                if failure is not None:
                    yield failure
                return

    def _is_end(self, why: Exception) -> bool:
        """Whether a failure is no reason to try again: of a file or a pipe, or of a connection that was just closed."""
        closed = getattr(why, "errno", None) == _EIO
        return not self._is_url or (closed and not self._endless)

    def _open(self) -> None:
        """
        Raises:
            VideoError: it cannot be opened, or is no video.
        """
        source: Any = self._source
        options: dict[str, Any] = {"metadata_errors": "ignore"}
        if self._is_url:
            options["timeout"] = (self._timeout, self._timeout)
            # one second is enough to learn what a live stream is; with a length, go on where a connection broke
            options["options"] = {"rtsp_transport": "tcp", "analyzeduration": "1000000", "reconnect": "1"}
            options["options"]["reconnect_delay_max"] = str(max(1, round(self._patience)))
        elif source == "-":
            source = StandardInput()
        elif self._is_file:
            source = ffmpeg_name(source)
        try:
            self._container = av.open(source, **options)
        except (av.error.FFmpegError, OSError) as error:
            said = f"no answer in {self._timeout:g} s" if isinstance(error, av.error.ExitError) else reason(error)
            plain = plainer(Path(self.name)) if self._is_file else None
            if not self._is_url and not self._is_file and not getattr(source, "seekable", bool)():
                said += "; an mp4 with its index at the end cannot be read from a pipe, mkv and mpegts can"
            raise plain or VideoError(f"{self.name} is not a video that FFmpeg can open: {said}") from error
        try:
            self._stream = video_stream(self._container, self.name)
        except BaseException:
            self._container.close()
            raise
        self._has_size = self._container.size > 0
        # packets of AVI, and packed ones, say in what order to decode, not when to show
        self._by_dts = self._container.format.name == "avi"
        self._is_mpeg4 = self._stream.codec_context.name == "mpeg4"
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.fps = float(rate) if rate else None
        if self._stream.duration and self._stream.time_base:
            self.seconds = float(self._stream.duration * self._stream.time_base)
        elif self._container.duration:
            self.seconds = self._container.duration / av.time_base

    def _reconnected(self) -> bool:
        assert self._container is not None
        self._container.close()
        lost = time.monotonic()
        while time.monotonic() - lost < self._patience and not self._is_closed:
            try:
                self._open()
            except VideoError:
                time.sleep(_PAUSE)
                continue
            self.reconnects += 1
            self._clock.jump(time.monotonic() - self._arrived)
            return True
        self._note(f"was lost after frame {self._index} and did not answer again in {self._patience:g} s")
        return False

    def _note(self, text: str) -> None:
        warnings.warn(UserNote(f"{self.name} {text}"), stacklevel=2)

    def close(self) -> None:
        """Closes the source; where another thread waits for it, as soon as that thread wakes up."""
        self._is_closed = True
        if self._reading.acquire(timeout=_PAUSE):
            try:
                if self._container is not None:
                    self._container.close()
            finally:
                self._reading.release()
        if self._camera is not None:
            self._camera.close()


def is_once(source: object) -> bool:
    """Whether a source can be opened only once, or has no length: standard input, a URL, a camera, a file object."""
    if isinstance(source, str):
        return source == "-" or source.lower().startswith(PROTOCOLS) or camera_number(source) is not None
    return isinstance(source, IOBase) or hasattr(source, "read")


class StandardInput:
    """Standard input as FFmpeg reads it: as soon as something is there, and Ctrl-C ends the wait."""

    name = "standard input"

    def read(self, size: int) -> bytes:
        return os.read(sys.stdin.fileno(), size)  # sys.stdin.buffer would wait for more, and lock while it waits
