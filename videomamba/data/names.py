"""Names that people and file systems give: what is the same name, the same file, and in which order names are."""

import functools
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

# cameras, phones, downloads and research; what FFmpeg opens beside them may be given by name
VIDEO_SUFFIXES = frozenset(
    (
        *(".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".h264", ".h265", ".hevc", ".ivf"),
        *(".m1v", ".m2t", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mod", ".mov", ".mp4", ".mpe", ".mpeg"),
        *(".mpg", ".mpv", ".mts", ".mxf", ".nut", ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".tod", ".ts", ".vob"),
        *(".webm", ".wmv", ".y4m"),
    )
)

# read with Pillow; others that FFmpeg opens go the way of videos
PICTURE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"))


class Kind(NamedTuple):
    """What a data set is made of: its name for people, and the suffixes of its files."""

    word: str
    suffixes: frozenset[str]


VIDEOS = Kind("videos", VIDEO_SUFFIXES)
PICTURES = Kind("pictures", PICTURE_SUFFIXES)

_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")


def class_name(text: str) -> str:
    """A class's name as it is compared and kept: without space around it, its accents composed (NFC)."""
    return unicodedata.normalize("NFC", text.strip())


def video_name(text: str) -> str:
    """A video's name as annotations have it: without a video's suffix or space around it, accents composed (NFC)."""
    name = class_name(text)
    while (stem := os.path.splitext(name))[1].lower() in VIDEO_SUFFIXES:
        name = stem[0]
    return name


def in_order(names: Iterable[str]) -> list[str]:
    """Distinct names, sorted; in the order of numbers where all are whole numbers: 0, 1, 2, 10."""
    distinct = set(names)
    if all(name.isdecimal() and len(name) < 20 for name in distinct):
        return sorted(distinct, key=lambda name: (int(name), name))
    return sorted(distinct)


def located(root: Path, text: str) -> Path | None:
    """The file below ``root`` (or anywhere, if absolute) that a text names; None where there is none.

    Taken as it is, else without space around it, with slashes for backslashes, with accents composed or not (NFC, NFD).
    """
    spelled = (text, text.strip(), text.strip().replace("\\", "/"))
    tried = dict.fromkeys((*spelled, *(unicodedata.normalize(f, s) for f in _FORMS for s in spelled)))
    return next((root / name for name in tried if name and os.path.isfile(root / name)), None)


def identity(path: Path) -> str:
    """One text for one file, however it is spelled and whatever links lead to it; the file need not be there."""
    if os.path.islink(path):
        return os.path.realpath(path)
    return os.path.join(_real_folder(os.path.abspath(path.parent)), path.name)


@functools.lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def differing_in_case(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Names that differ by nothing but upper and lower case, together."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.casefold(), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]
