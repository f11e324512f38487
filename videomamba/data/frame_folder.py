"""A video as a folder of pictures, one per frame."""

import itertools
import re
import warnings
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from videomamba.data.clip import Clip
from videomamba.data.closing import Closing
from videomamba.data.decode_picture import picture
from videomamba.data.errors import VideoError
from videomamba.data.frame_times import FASTEST, SLOWEST, FrameTimes
from videomamba.data.reader import resized, shrink
from videomamba.errors import UserError
from videomamba.notes import UserNote

PICTURES = (".jpg", ".jpeg", ".png")
ASSUMED_FPS = 30.0  # AVA's frames
_LONGEST_GAP = 300  # numbers that may be missing between two pictures


class FrameFolder(Closing):
    """Frames ``img_00001.jpg`` or ``VIDEO_000001.jpg``, read by index as :class:`VideoReader` does.

    Index 0 is the picture with the lowest number; where a number is missing, the picture before it is repeated, which a
    :class:`videomamba.notes.UserNote` says. Hidden files and pictures without a number are passed over.

    Args:
        path: the folder.
        fps: pictures a second; None assumes 30 and says so.

    Attributes:
        num_frames, times, fps, pixel_aspect: as of a :class:`VideoReader`.

    Raises:
        VideoError: no such folder, no numbered picture in it, pictures of several names or kinds, or a long gap.
    """

    def __init__(self, path: Path, *, fps: float | None = None) -> None:
        if not path.is_dir():
            raise VideoError(f"{path} is no folder of frames")
        if fps is not None and not SLOWEST <= fps <= FASTEST:
            raise UserError(f"fps={fps}: give pictures a second, from {SLOWEST:g} to {FASTEST:g}")
        pictures = _numbered(path)
        numbers = sorted(pictures)
        for before, after in itertools.pairwise(numbers):
            if after - before > _LONGEST_GAP:
                raise VideoError(
                    f"{path}: after {pictures[before].name} comes {pictures[after].name}; a folder of frames may lack "
                    f"{_LONGEST_GAP} numbers in a row at most: move what does not belong to the video elsewhere"
                )
        first = numbers[0]
        self.path = path
        self.num_frames = numbers[-1] - first + 1
        self.times = FrameTimes.evenly(self.num_frames, ASSUMED_FPS if fps is None else fps)
        self.fps = self.times.fps
        self.pixel_aspect = Fraction(1)
        self._files: list[tuple[int, Path]] = []
        for i in range(self.num_frames):
            self._files.append((i, pictures[first + i]) if first + i in pictures else self._files[-1])
        missing = self.num_frames - len(pictures)
        if fps is None:
            self._note(f"{path}: {ASSUMED_FPS:g} pictures a second are assumed; the option fps says otherwise")
        if missing:
            self._note(f"{path} lacks {missing} of {self.num_frames} numbers; the picture before each is repeated")

    def read(self, indices: Sequence[int], *, short_side: int | None = None) -> Clip:
        """The frames at ``indices``, as :meth:`VideoReader.read` gives them.

        Raises:
            ValueError: no index, or one that is not there.
            VideoError: a picture that cannot be decoded.
        """
        if not indices or min(indices) < 0 or max(indices) >= self.num_frames:
            raise UserError(f"{self.path} has frames 0 to {self.num_frames - 1}; asked for {list(indices)}")
        found: dict[int, Tensor] = {}
        size: list[int] | None = None
        for i in dict.fromkeys(indices):
            frame = shrink(picture(self._files[i][1]), short_side)
            size = list(frame.shape[:2]) if size is None else size
            found[i] = resized(frame, size)
        given = [self._files[i][0] for i in indices]
        return Clip(
            frames=torch.stack([found[i] for i in indices]).permute(0, 3, 1, 2),
            indices=torch.tensor(given),
            timestamps=torch.from_numpy(self.times.seconds[given]),
            fps=self.fps,
            path=str(self.path),
        )

    def stream(self, *, step: int = 1, short_side: int | None = None) -> Iterator[Tensor]:
        """Every ``step``-th frame, as :meth:`VideoReader.stream` gives them.

        Raises:
            VideoError: a picture that cannot be decoded.
        """
        size: list[int] | None = None
        for _, file in self._files[::step]:
            frame = shrink(picture(file), short_side)
            size = list(frame.shape[:2]) if size is None else size
            yield resized(frame, size).permute(2, 0, 1)

    def close(self) -> None:
        """Does nothing: no file is held open."""

    def _note(self, text: str) -> None:
        warnings.warn(UserNote(text), stacklevel=3)


def _numbered(folder: Path) -> dict[int, Path]:
    """The pictures of one video by their numbers.

    Raises:
        VideoError: there are none, or they are of more than one video.
    """
    pictures: dict[int, Path] = {}
    first: tuple[str, Path] | None = None
    for file in sorted(folder.iterdir()):
        parts = re.fullmatch(r"(.*?)(\d+)", file.stem)
        if parts is None or file.suffix.lower() not in PICTURES or file.name.startswith("."):
            continue
        kind, number = f"{parts[1]}*{file.suffix.lower()}", int(parts[2])
        first = (kind, file) if first is None else first
        if kind != first[0]:
            raise VideoError(
                f"{folder} holds pictures of more than one video: {first[1].name} and {file.name}; leave those of one "
                f"name and kind, such as {first[0]}"
            )
        if number in pictures:
            raise VideoError(f"{folder} has two pictures for one frame: {pictures[number].name} and {file.name}")
        pictures[number] = file
    if not pictures:
        raise VideoError(f"{folder} has no numbered pictures ({', '.join(PICTURES)})")
    return pictures
