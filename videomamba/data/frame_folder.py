"""A video as a folder of pictures, one a frame."""

import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from videomamba.data.clip import Clip
from videomamba.data.errors import VideoError, reason
from videomamba.data.reader import shrink
from videomamba.errors import UserError

PICTURES = (".jpg", ".jpeg", ".png")


class FrameFolder:
    """Frames ``img_00001.jpg`` or ``VIDEO_000001.jpg``, read by index as :class:`VideoReader` does.

    Index 0 is the picture with the lowest number; a number that is missing is stood for by the one before it.

    Args:
        path: the folder.
        fps: pictures a second.

    Raises:
        VideoError: no such folder, or no numbered picture in it.
    """

    def __init__(self, path: Path, *, fps: float = 30.0) -> None:
        if not path.is_dir():
            raise VideoError(f"{path} is no folder of frames")
        numbered = {}
        for file in path.iterdir():
            number = re.search(r"(\d+)$", file.stem)
            if number and file.suffix.lower() in PICTURES:
                numbered[int(number[1])] = file
        if not numbered:
            raise VideoError(f"{path} has no numbered pictures ({', '.join(PICTURES)})")
        first = min(numbered)
        self.path, self.fps, self.num_frames = path, fps, max(numbered) - first + 1
        self._files: list[Path] = []
        for i in range(self.num_frames):
            self._files.append(numbered.get(first + i) or self._files[-1])

    def read(self, indices: Sequence[int], *, short_side: int | None = None) -> Clip:
        """The frames at ``indices``, as :meth:`VideoReader.read` gives them.

        Raises:
            UserError: no index, or one that is not there.
            VideoError: a picture that cannot be decoded.
        """
        if not indices or min(indices) < 0 or max(indices) >= self.num_frames:
            raise UserError(f"{self.path} has frames 0 to {self.num_frames - 1}; asked for {list(indices)}")
        found = {}
        for i in set(indices):
            found[i] = shrink(_picture(self._files[i]), short_side)
        return Clip(
            frames=torch.stack([found[i] for i in indices]).permute(0, 3, 1, 2),
            indices=torch.tensor(list(indices)),
            timestamps=torch.tensor(list(indices), dtype=torch.float64) / self.fps,
            fps=self.fps,
            path=str(self.path),
        )

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _picture(file: Path) -> Tensor:
    """(H, W, 3) uint8, RGB."""
    try:
        with Image.open(file) as picture:
            return torch.from_numpy(np.array(picture.convert("RGB")))
    except OSError as error:  # Pillow's own is one
        raise VideoError(f"{file} cannot be decoded: {reason(error)}") from error
