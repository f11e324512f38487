"""A short, small copy of a video that every browser plays."""

from pathlib import Path

from videomamba.data.reader import VideoReader
from videomamba.data.video_writer import video_file

SECONDS, SHORT_SIDE, FPS = 10.0, 240, 30.0


def write_excerpt(video: Path, target: Path) -> None:
    """Writes the middle 10 seconds as h264 in an mp4, at most 240 pixels on the short side and 30 frames a second.

    Pictures that are smaller are enlarged by whole pixels.

    Raises:
        VideoError: the video cannot be read.
        UserError: FFmpeg cannot write the file.
    """
    with VideoReader(video) as reader:
        half = round(SECONDS * reader.fps / 2)
        middle = reader.num_frames // 2
        step = max(1, round(reader.fps / FPS))
        indices = range(max(0, middle - half), min(reader.num_frames, middle + max(1, half)), step)
        clip = reader.read(indices, short_side=SHORT_SIDE)
        times = clip.timestamps - clip.timestamps[0]
        scale = max(1, SHORT_SIDE // min(clip.frames.shape[-2:]))
        frames = clip.frames.repeat_interleave(scale, 2).repeat_interleave(scale, 3).permute(0, 2, 3, 1).numpy()
        height, width = frames.shape[1:3]
        aspect = reader.pixel_aspect
        with video_file(target, height=height, width=width, fps=reader.fps / step, pixel_aspect=aspect) as writer:
            for frame, seconds in zip(frames, times.tolist(), strict=True):
                writer.write(frame, seconds)
