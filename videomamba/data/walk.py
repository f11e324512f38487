"""Searches folders for videos."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from videomamba.data.names import VIDEOS, Kind

_ASIDE = frozenset(("__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found"))  # what systems leave in people's folders
_MOST_SUFFIXES = 5  # in a note


@dataclass(frozen=True)
class Found:
    """Videos (or pictures) of a search, sorted, and how many other files it passed over, by suffix."""

    videos: tuple[Path, ...] = ()
    others: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Found") -> "Found":
        return Found((*self.videos, *other.videos), self.others + other.others)


def search(folder: Path, *, below: bool = True, kind: Kind = VIDEOS) -> Found:
    """Videos (or pictures) of a folder, and ``below`` it; nothing is opened.

    Links to folders are followed, each folder is searched once, so loops end. Hidden files and folders are passed over
    in silence, other files are counted.
    """
    videos: list[Path] = []
    others: Counter[str] = Counter()
    for file in _files(folder, below=below):
        suffix = file.suffix.lower()
        if suffix in kind.suffixes:
            videos.append(file)
        else:
            others[suffix] += 1
    return Found(tuple(sorted(videos)), others)


def folders(folder: Path) -> list[Path]:
    """The folders in a folder, links to folders too, sorted; hidden ones are passed over."""
    with os.scandir(folder) as entries:
        return sorted(Path(folder, e.name) for e in entries if not is_hidden(e.name) and e.is_dir())


def is_hidden(name: str) -> bool:
    """Whether the name of a file or folder says that it holds no data."""
    return name.startswith(".") or name in _ASIDE


def left_out(others: Counter[str], where: object = "") -> tuple[str, ...]:
    """One line about files that a search passed over; none without any."""
    if not others:
        return ()
    most = [f"{suffix or 'without suffix'} {count}" for suffix, count in others.most_common(_MOST_SUFFIXES)]
    more = ["..."] if len(others) > _MOST_SUFFIXES else []
    total = sum(others.values())
    files, are = ("file", "is") if total == 1 else ("files", "are")
    place = f" in {where}" if where else ""
    return (f"{total} {files} with other suffixes ({', '.join([*most, *more])}) {are} left out{place}",)


def _files(folder: Path, *, below: bool) -> Iterator[Path]:
    """Files that are not hidden; what real folders hold before what links lead to."""
    seen: set[tuple[int, int]] = set()
    waiting, linked = [folder], list[Path]()
    while waiting or linked:
        here = waiting.pop() if waiting else linked.pop(0)
        status = os.stat(here)
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(here) as entries:
            inside = sorted((entry for entry in entries if not is_hidden(entry.name)), key=lambda entry: entry.name)
        for entry in inside:
            if entry.is_dir():
                if below:
                    (linked if entry.is_symlink() else waiting).append(here / entry.name)
            elif entry.is_file() or entry.is_symlink():  # a broken link is a video that is missing; a pipe is none
                yield here / entry.name


def search_all(paths: Iterable[Path]) -> Found:
    """:func:`search` of several folders."""
    return sum(map(search, paths), Found())
