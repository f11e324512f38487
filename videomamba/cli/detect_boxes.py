"""Where the boxes of ``videomamba detect`` come from: a file, or torchvision's Faster R-CNN."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

from videomamba.errors import UserError

if TYPE_CHECKING:
    import torch

    from videomamba.data.frame_folder import FrameFolder
    from videomamba.data.reader import VideoReader
    from videomamba.tasks.detect_video import ScoredBox


def read_boxes(
    path: Path,
    video: Path,
    reader: "VideoReader | FrameFolder",
    keyframes: str,
    threshold: float,
    console: Console,
) -> "dict[int, tuple[int, list[ScoredBox]]]":
    """Timestamp -> frame and boxes, of the file's rows about this video.

    Raises:
        UserError: the file cannot be read, or has no box of this video.
    """
    from videomamba.data.datasets.ava_boxes import read_person_boxes
    from videomamba.data.frame_folder import FrameFolder
    from videomamba.data.keyframes import Keyframes
    from videomamba.data.names import video_name

    rows, bad = read_person_boxes(path, threshold=threshold)
    times, length = Keyframes.parse(keyframes), reader.num_frames / reader.fps
    found, outside = {}, []
    names = {video_name(video.stem), video_name(video.name)}
    for (name, timestamp), boxes in sorted(rows.items()):
        if name not in names:
            continue
        seconds = times.seconds(timestamp, length, is_folder=isinstance(reader, FrameFolder))
        if 0 <= seconds < length + 0.5:
            frame = min(round(seconds * reader.fps), reader.num_frames - 1)
            found[timestamp] = frame, boxes
        else:
            outside.append(timestamp)
    for row in bad[:10]:
        console.print(f"note: left out {row}", soft_wrap=True)
    if len(bad) > 10:
        console.print(f"note: and {len(bad) - 10} more rows")
    if outside:
        console.print(f"note: {len(outside)} timestamps are outside the video, the first {outside[0]}; see --keyframes")
    if not found:
        others = sorted({name for name, _ in rows})
        raise UserError(
            f"{path} has no box that can be used for {video.stem} ({length:.1f} s): {len(bad)} bad rows, "
            f"{len(outside)} timestamps outside the video with --keyframes {keyframes}; it has "
            + (f"the videos {', '.join(others[:5])}" if others else f"no row of a video; the first bad one is {bad[0]}")
            if others or bad
            else f"{path} has no box with a score of {threshold} or more"
        )
    return found


def find_boxes(
    reader: "VideoReader | FrameFolder",
    category: str,
    every: float,
    threshold: float,
    device: "torch.device",
    console: Console,
) -> "dict[int, tuple[int, list[ScoredBox]]]":
    """Number of the look -> frame and boxes, by Faster R-CNN.

    Raises:
        UserError: its weights cannot be had, or it finds nothing.
    """
    from videomamba.models.object_detector import ObjectDetector

    detector = ObjectDetector(category, threshold=threshold, device=device)
    frames = sorted({round(k * every * reader.fps) for k in range(int(reader.num_frames / reader.fps / every) + 1)})
    frames = [frame for frame in frames if frame < reader.num_frames]
    found = {}
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        for number, frame in bar.track(list(enumerate(frames)), description=f"looking for {category}"):
            boxes = detector(reader.read([frame]).frames[0])
            if boxes:
                found[number] = frame, boxes
    if not found:
        raise UserError(f"no {category} found with a score of {threshold} or more; --category names others of COCO")
    return found
