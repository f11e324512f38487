"""Rows of AVA's files that cannot be used: why, and notes about them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from videomamba.data.errors import VideoError
from videomamba.data.keyframes import Keyframes
from videomamba.data.video_length import video_seconds

FrameKey = tuple[str, int]  # video and timestamp
NO_PICTURE = "with a timestamp at which there is no video"
_LISTED = 10


class Problem(NamedTuple):
    """Why something cannot be used: a sentence about it, and which kind of rows it is, in words after a number."""

    reason: str
    kind: str


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used: the file, its line from 1, and why; ``kind`` see :class:`Problem`."""

    path: Path
    line: int
    reason: str
    kind: str = "unreadable"

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}: {self.reason}"


def rows_left_out(file: Path, bad: Sequence[BadRow], total: int | None = None) -> list[str]:
    """Lines for people about rows that are left out: how many of each kind, and the first ones."""
    if not bad:
        return []
    kinds = Counter(row.kind for row in bad)
    counted = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    of = "" if total is None else f" of {total}"
    more = [f"  and {len(bad) - _LISTED} more; the option bad_rows=FILE.csv lists all"] if len(bad) > _LISTED else []
    return [
        f"{len(bad)}{of} rows of {file.name} are left out: {counted}",
        *(f"  {row}" for row in bad[:_LISTED]),
        *more,
    ]


class Outside:
    """Says why a keyframe shows nothing; asks every video for its length once."""

    def __init__(self, videos: Mapping[str, Path], keyframes: Keyframes, *, fps: float) -> None:
        self.videos, self.keyframes, self.fps = videos, keyframes, fps
        self.lengths: dict[str, float] = {}
        self.unreadable: dict[str, str] = {}

    def __call__(self, key: FrameKey) -> Problem | None:
        video, timestamp = key
        path = self.videos.get(video)
        if path is None:
            return Problem(f"there is no video {video!r:.80}", "of unknown videos")
        if video not in self.lengths and video not in self.unreadable:
            try:
                self.lengths[video] = video_seconds(path, fps=self.fps)
            except VideoError as error:
                self.unreadable[video] = f"unreadable: {error}"
        if video in self.unreadable:
            return Problem(self.unreadable[video], "of unreadable videos")
        length = self.lengths[video]
        seconds = self.keyframes.seconds(timestamp, length, is_folder=path.is_dir())
        if not 0 <= seconds < length + 0.5:  # a length is rounded, and AVA's last second is the clip's end
            where = f"timestamp {timestamp} is {seconds:.1f} s into {video}, which is {length:.1f} s long"
            return Problem(where, NO_PICTURE)
        return None
