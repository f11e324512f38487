"""How long a video is, without reading it."""

import math
from pathlib import Path

import av

from videomamba.data.ffmpeg import open_video
from videomamba.data.frame_folder import FrameFolder


def video_seconds(path: Path, *, fps: float) -> float:
    """Seconds of a video file, as its header has it (infinity where that does not say), or of a folder of frames.

    Args:
        path: a video file, or a folder of frames.
        fps: pictures a second of a folder.

    Raises:
        VideoError: a file that is no video, or a folder without frames.
    """
    if path.is_dir():
        return FrameFolder(path, fps=fps).times.duration
    container, stream = open_video(path)
    with container:
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        return container.duration / av.time_base if container.duration else math.inf
