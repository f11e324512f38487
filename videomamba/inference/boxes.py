"""Where a detector's boxes come from: a file, or torchvision's Faster R-CNN."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from videomamba.data.datasets.ava_boxes import ScoredBox, read_person_boxes
from videomamba.data.frame_folder import FrameFolder
from videomamba.data.keyframes import Keyframes
from videomamba.data.names import video_name
from videomamba.data.reader import VideoReader
from videomamba.errors import UserError
from videomamba.models.object_detector import ObjectDetector
from videomamba.notes import UserNote


@dataclass(frozen=True)
class FrameBoxes:
    """The boxes of one frame.

    Attributes:
        timestamp: from the file of boxes, or a running number.
        frame: index in the video.
        boxes: x1, y1, x2, y2 as fractions of the picture, each with its score.
    """

    timestamp: int
    frame: int
    boxes: tuple[ScoredBox, ...]


class BoxFile:
    """The boxes of a csv or json file, read once for all of its videos.

    Args:
        path: rows video,timestamp,x1,y1,x2,y2[,action],score.
        threshold: lowest score of a box.

    Raises:
        UserError: the file cannot be read.
    """

    def __init__(self, path: Path, *, threshold: float = 0.0) -> None:
        self.path = path
        self._rows, self._bad = read_person_boxes(path, threshold=threshold)

    def of(self, video: Path, reader: VideoReader | FrameFolder, *, keyframes: str = "0:1") -> list[FrameBoxes]:
        """Those of a video, in order of time.

        Args:
            video: the video, by whose name its rows are found.
            reader: of the video.
            keyframes: how a timestamp becomes a time, see :class:`Keyframes`.

        Raises:
            UserError: the file has no box of this video.
        """
        rows, bad = self._rows, self._bad
        times, length = Keyframes.parse(keyframes), reader.times.duration
        found, outside = [], []
        names = {video_name(video.stem), video_name(video.name)}
        for (name, timestamp), boxes in sorted(rows.items()):
            if name not in names:
                continue
            seconds = times.seconds(timestamp, length, is_folder=isinstance(reader, FrameFolder))
            if 0 <= seconds < length + 0.5:
                found.append(FrameBoxes(timestamp, reader.times.index(seconds), tuple(boxes)))
            else:
                outside.append(timestamp)
        for row in bad[:10]:
            warnings.warn(f"left out {row}", UserNote, stacklevel=2)
        if len(bad) > 10:
            warnings.warn(f"and {len(bad) - 10} more rows", UserNote, stacklevel=2)
        if outside:
            note = f"{len(outside)} timestamps are outside the video, the first {outside[0]}; see --keyframes"
            warnings.warn(note, UserNote, stacklevel=2)
        if not found:
            others = sorted({name for name, _ in rows})
            first = f"; the first bad one is {bad[0]}" if bad else ""
            known = f"it has the videos {', '.join(others[:5])}" if others else f"it has no row of a video{first}"
            raise UserError(
                f"{self.path} has no box that can be used for {video.stem} ({length:.1f} s): {len(bad)} bad rows, "
                f"{len(outside)} timestamps outside the video with --keyframes {keyframes}; {known}"
            )
        return found


def read_boxes(
    path: Path, video: Path, reader: VideoReader | FrameFolder, *, keyframes: str = "0:1", threshold: float = 0.0
) -> list[FrameBoxes]:
    """The boxes that a csv or json file has for this video; arguments and errors of :class:`BoxFile`."""
    return BoxFile(path, threshold=threshold).of(video, reader, keyframes=keyframes)


def look_times(reader: VideoReader | FrameFolder, every: float) -> list[int]:
    """The frames that Faster R-CNN looks at, one every ``every`` seconds.

    Raises:
        UserError: an interval that is not positive.
    """
    if not every > 0:
        raise UserError(f"every={every}; it must be above 0 seconds")
    times = reader.times
    last = times.duration - times.usual / 2  # later moments have no frame of their own
    return sorted({times.index(k * every) for k in range(math.ceil(last / every))})


def find_boxes(reader: VideoReader | FrameFolder, frames: list[int], detector: ObjectDetector) -> Iterator[FrameBoxes]:
    """Faster R-CNN's boxes frame by frame; a frame without any gives none."""
    for number, frame in enumerate(frames):
        yield FrameBoxes(number, frame, tuple(detector(reader.read([frame]).frames[0])))
