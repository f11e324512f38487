"""How files are passed to FFmpeg: under a name that is never taken for a URL; and which stream in them is the video."""

import os
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from videomamba.data.errors import VideoError, reason

MAX_PIXELS = 2**27  # of a frame: 16,384 x 8,192; more than any camera, and what a damaged header may ask for

_VOP = b"\0\0\1\xb6"  # begins a picture of MPEG-4 part 2


def ffmpeg_name(path: str | os.PathLike[str]) -> str:
    """A file's name for FFmpeg, which would take ``10:30.mp4`` for the address of a protocol "10"."""
    return f"file:{os.fspath(path)}"


def open_video(path: Path) -> tuple[InputContainer, VideoStream]:
    """A file and its best video stream, as FFmpeg ranks them, to decode in one thread.

    Cover pictures and tracks of a single picture do not count.

    Raises:
        VideoError: FFmpeg cannot open it, it has no video, or one in a codec that is not known here.
    """
    try:
        # a tag that is not UTF-8 says nothing about the pictures
        container = av.open(ffmpeg_name(path), metadata_errors="ignore")
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{path} is not a video that FFmpeg can open: {reason(error)}") from error
    try:
        return container, video_stream(container, path)
    except BaseException:
        container.close()
        raise


def video_stream(container: InputContainer, path: object) -> VideoStream:
    """The best video stream of what is open, to decode in one thread; ``path`` is its name in messages.

    Raises:
        VideoError: it has none, or one in a codec that is not known here.
    """
    streams = container.streams.video
    if not streams:
        raise VideoError(f"{path} has no video stream")
    films = [stream for stream in streams if not stream.disposition & Disposition.attached_pic]
    if not films:
        raise VideoError(f"{path} has no video stream, only a cover picture")
    films = [stream for stream in films if stream.frames != 1] or films  # by the header; 0 where it does not say
    best = container.streams.best("video")
    stream = best if best in films else films[0]
    if stream.codec_context is None:
        raise VideoError(f"{path} has a video stream in a codec that FFmpeg does not know")
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    stream.codec_context.thread_count = 1
    stream.thread_type = "NONE"
    return stream


def is_packed(packet: Packet) -> bool:
    """Whether a packet of MPEG-4 part 2 holds two pictures: DivX packs a B-frame behind the frame that comes after it.

    The packet's time of presentation is then neither one's, and an empty packet follows.
    """
    return bytes(packet).count(_VOP) > 1
