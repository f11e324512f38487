"""Which videos there are and what they show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from videomamba.data.errors import VideoError
from videomamba.data.splits import Part

VIDEO_SUFFIXES = frozenset(
    (".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".ts", ".webm", ".wmv")
)


@dataclass(frozen=True)
class VideoRecord:
    """A video file and its class."""

    path: Path
    label: int


@dataclass(frozen=True)
class Annotations(Part):
    """Videos of one split, and the names that their labels stand for.

    Attributes:
        records: the videos that are there.
        class_names: of the labels, in order.
        missing: videos that are annotated and not there, under the names that were expected.
        published: videos that the part has as published, where that is known.
        notes: what people should know of how these were found, one line each.
    """

    records: tuple[VideoRecord, ...]
    class_names: tuple[str, ...]
    missing: tuple[VideoRecord, ...] = ()
    published: int | None = None
    notes: tuple[str, ...] = ()

    def rows(self, root: Path) -> list[dict[str, str]]:
        """Path, relative to ``root`` where it lies below, and label of each video, as a split file names them."""
        return [{"path": _relative(r.path, root), "label": self.class_names[r.label]} for r in self.records]


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path.resolve())


def is_video(path: Path) -> bool:
    """Whether a file's name is a video's, and it is not hidden."""
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".") and not path.is_dir()


def find_videos(paths: Iterable[str | Path]) -> list[Path]:
    """Files as they are, and all videos in folders and below, sorted; nothing is opened.

    Raises:
        VideoError: a folder without any video.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(p for p in path.rglob("*") if is_video(p))
        if not inside:
            raise VideoError(f"{path} holds no video ({', '.join(sorted(VIDEO_SUFFIXES))})")
        found += inside
    return found


def split_holdout(annotations: Annotations, *, fraction: float = 0.2, seed: int = 0) -> dict[str, Annotations]:
    """Train and test parts, ``fraction`` of each class held out: at least one video, unless it is the class's only one.

    Returns:
        ``{"train": ..., "test": ...}``, the same for the same seed.
    """
    generator = torch.Generator().manual_seed(seed)
    held_out: set[int] = set()
    for label in range(len(annotations.class_names)):
        members = [i for i, record in enumerate(annotations.records) if record.label == label]
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        order = torch.randperm(len(members), generator=generator).tolist()
        held_out |= {members[i] for i in order[: max(0, count)]}

    def part(keep: bool) -> Annotations:
        chosen = tuple(r for i, r in enumerate(annotations.records) if (i in held_out) == keep)
        return Annotations(chosen, annotations.class_names)

    return {"train": part(False), "test": part(True)}


def label_index(names: Sequence[str]) -> dict[str, int]:
    """Name -> label of sorted, distinct names."""
    return {name: i for i, name in enumerate(sorted(set(names)))}
