"""A film with a running caption, drawn while its timeline is made."""

from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from videomamba.data.stream import StreamFrame
from videomamba.data.video_writer import VideoWriter, video_file
from videomamba.files import printable
from videomamba.viz.caption import Caption

SHORT_SIDE = 720  # of the film's frames, at most


class CaptionedFilm:
    """Takes a video's frames and its scores as they come; each frame gets the score that is nearest in time.

    A frame waits until that score is known: memory is that of the frames of half a window and a stride.

    Args:
        path: of the mp4, which appears when it is complete.
        labels: of the classes.
        fps: frames per second, where the frames' times are equally far apart.
    """

    def __init__(self, path: Path, labels: Sequence[str], fps: float | None) -> None:
        self._path, self._labels, self._fps = path, [printable(label) for label in labels], fps or 25.0
        self._waiting: deque[tuple[NDArray[np.uint8], float]] = deque()
        self._scores: NDArray[np.float32] | None = None
        self._moment = 0.0
        self._open = ExitStack()
        self._writer: VideoWriter | None = None

    def frame(self, frame: StreamFrame) -> None:
        """The next frame of the video."""
        picture = frame.picture.permute(1, 2, 0).numpy()
        if self._writer is None:
            height, width = picture.shape[:2]
            self._caption = Caption(self._labels, height, width)
            file = video_file(self._path, height=self._caption.height, width=width, fps=self._fps)
            self._writer = self._open.enter_context(file)
        self._waiting.append((picture, frame.seconds))

    def score(self, seconds: float, scores: NDArray[np.float32]) -> None:
        """The next scores (C,) and when they are."""
        if self._scores is not None:
            self._draw((self._moment + seconds) / 2)
        self._moment, self._scores = seconds, scores

    def _draw(self, until: float) -> None:
        assert self._scores is not None
        assert self._writer is not None
        while self._waiting and self._waiting[0][1] < until:
            picture, seconds = self._waiting.popleft()
            self._writer.write(self._caption.draw(picture, self._scores), seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._scores is not None:
            self._draw(float("inf"))
        self._open.__exit__(kind, error, trace)
