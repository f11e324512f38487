"""Writing an h264 mp4 frame by frame."""

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from numpy.typing import NDArray


class VideoWriter:
    """A context manager; the file appears under its name when it is whole.

    Args:
        path: the mp4 file.
        height, width: of the frames; an odd side loses its last pixel, which h264 cannot have.
        fps: frames a second.
    """

    def __init__(self, path: Path, *, height: int, width: int, fps: float) -> None:
        self.path = path
        self._half_done = path.with_name(f".{path.stem}.{os.getpid()}.mp4")
        self._container = av.open(str(self._half_done), "w")
        self._stream = self._container.add_stream(
            "libx264", rate=Fraction(fps).limit_denominator(1001), options={"crf": "20", "preset": "veryfast"}
        )
        self._stream.height, self._stream.width = height // 2 * 2, width // 2 * 2
        self._stream.pix_fmt = "yuv420p"

    def write(self, frame: NDArray[np.uint8]) -> None:
        """One frame (H, W, 3), RGB."""
        even = np.ascontiguousarray(frame[: self._stream.height, : self._stream.width])
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode())
            self._container.close()
            if kind is None:
                os.replace(self._half_done, self.path)
        finally:
            self._half_done.unlink(missing_ok=True)
