"""How long a video is, without reading it."""

from pathlib import Path

import av

from videomamba.data.errors import VideoError
from videomamba.data.frame_folder import FrameFolder


def video_seconds(path: Path, *, fps: float) -> float:
    """Seconds of a video file, as its header has it, or of a folder of frames at ``fps``.

    Raises:
        VideoError: a file that is no video, or a folder without frames.
    """
    if path.is_dir():
        return FrameFolder(path, fps=fps).num_frames / fps
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            if not container.streams.video:
                raise VideoError(f"{path} has no video stream")
            stream = container.streams.video[0]
            if stream.duration is not None and stream.time_base is not None:
                return float(stream.duration * stream.time_base)
            if container.duration is not None:
                return container.duration / av.time_base
            return float("inf")  # the header does not say
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{path} is not a video that FFmpeg can open: {error.strerror or error}") from error
