"""Whether video files can be trained on, found out before hours are spent: in worker processes, one file at a time."""

import itertools
import multiprocessing
import warnings
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Literal, NamedTuple

import av.logging

from videomamba.data.errors import VideoError
from videomamba.data.processes import ended_by_sigterm, process_pool
from videomamba.data.reader import VideoReader
from videomamba.notes import UserNote

Problem = Literal["missing", "unreadable", "short", "damaged"]
PROBLEMS: tuple[Problem, ...] = ("missing", "unreadable", "short", "damaged")


class Finding(NamedTuple):
    """What is wrong with a file, and a line that says why."""

    problem: Problem
    reason: str


def check_video(path: Path, *, frames: int) -> Finding | None:
    """Opens a file, counts its frames and decodes the first and the last one with PyAV; None if all is well.

    ``missing``: no such file; ``unreadable``: the reader refuses it; ``short``: fewer than ``frames`` frames;
    ``damaged``: the last frame is lost, or FFmpeg reports an error on the way to it.
    """
    if not path.exists():
        return Finding("missing", "does not exist")
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with (
            warnings.catch_warnings(action="ignore", category=UserNote),  # the finding says it
            av.logging.Capture() as complaints,
            VideoReader(path, decoder="pyav") as reader,
        ):
            count = reader.num_frames
            read = reader.read([0, count - 1]).indices.tolist()
    except (VideoError, OSError) as error:
        return Finding("unreadable", " ".join(str(error).removeprefix(f"{path} ").split()))
    finally:
        av.logging.set_level(level)
    if count < frames:
        return Finding("short", f"has {count} frames, fewer than {frames}")
    if read[-1] != count - 1:
        return Finding("damaged", f"has {count} frames, of which the last that can be decoded is {read[-1]}")
    if complaints:
        _, source, message = complaints[0]
        more = f" (and {len(complaints) - 1} more)" if len(complaints) > 1 else ""
        return Finding("damaged", f"{source}: {' '.join(message.split())}{more}")
    return None


def check_videos(paths: Sequence[Path], *, frames: int, workers: int) -> Iterator[tuple[int, Finding | None]]:
    """Place in ``paths`` and finding of every file, in the order in which they are done.

    A decoder that takes its process down costs that file alone.

    Args:
        paths: the files.
        frames: see :func:`check_video`.
        workers: processes; 0 checks in this one.
    """
    if workers == 0:
        for place, path in enumerate(paths):
            yield place, check_video(path, frames=frames)
        return
    left: _Places = iter(enumerate(paths))
    with ended_by_sigterm():
        while (ahead := next(left, None)) is not None:
            left = yield from _until_one_breaks(itertools.chain([ahead], left), frames=frames, workers=workers)


_Places = Iterator[tuple[int, Path]]


def _until_one_breaks(
    left: _Places, *, frames: int, workers: int
) -> Generator[tuple[int, Finding | None], None, _Places]:
    """Findings of a pool, until all is done or a decoder takes a process down; gives back what was not begun."""
    pending: dict[Future[Finding | None], tuple[int, Path]] = {}
    with process_pool(workers, multiprocessing.get_context()) as pool:
        while True:
            while len(pending) < 4 * workers and (following := next(left, None)) is not None:
                try:
                    pending[pool.submit(check_video, following[1], frames=frames)] = following
                except BrokenProcessPool:  # seen below, by the one that broke it
                    pending[_broken()] = following
            if not pending:
                return left
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
                break
            for future in done:
                yield pending.pop(future)[0], future.result()
    for future, (place, path) in pending.items():
        lost = not future.done() or future.cancelled() or future.exception() is not None
        yield place, _alone(path, frames) if lost else future.result()
    return left


def _alone(path: Path, frames: int) -> Finding | None:
    """A file in a process of its own."""
    with process_pool(1, multiprocessing.get_context()) as pool:
        try:
            return pool.submit(check_video, path, frames=frames).result()
        except BrokenProcessPool:
            return Finding("unreadable", "the decoder crashed, or its process was killed")


def _broken() -> Future[Finding | None]:
    future: Future[Finding | None] = Future()
    future.set_exception(BrokenProcessPool())
    return future
