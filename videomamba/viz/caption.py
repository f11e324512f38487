"""A running caption on the frames of a film."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from videomamba.viz.fonts import font_for

_BAR = (86, 180, 233)  # of Okabe and Ito


class Caption:
    """Draws the best classes and their probabilities under a frame, in a strip of its own.

    Args:
        labels: of the classes, for a font that has all of their characters.
        height, width: of the frames.
        lines: classes to write.

    Attributes:
        height: of the frames with their strip, in pixels.
    """

    def __init__(self, labels: Sequence[str], height: int, width: int, *, lines: int = 3) -> None:
        self.labels, self._lines = labels, min(lines, len(labels))
        self._size = max(11, round(min(height, width) / 20))
        self._font = font_for(labels, self._size)
        self._width, self._frame_height = width, height
        self._step = round(1.4 * self._size)
        self.height = height + self._step * self._lines + self._size // 2
        self.height += self.height % 2

    def draw(self, frame: NDArray[np.uint8], scores: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The frame (H, W, 3) above the strip; ``scores`` are (C,) probabilities."""
        picture = Image.new("RGB", (self._width, self.height))
        picture.paste(Image.fromarray(frame), (0, 0))
        draw = ImageDraw.Draw(picture)
        margin, bar = self._size // 2, max(20, self._width // 4)
        for line, index in enumerate(np.argsort(-scores, kind="stable")[: self._lines]):
            y = self._frame_height + line * self._step + self._size // 4
            share = float(scores[index])
            draw.rectangle((margin, y, margin + bar, y + self._size), outline=(90, 90, 90))
            draw.rectangle((margin, y, margin + round(bar * share), y + self._size), fill=_BAR)
            text = f"{100 * share:3.0f} %  {self._fitting(str(self.labels[index]), 2 * margin + bar)}"
            draw.text((2 * margin + bar, y - self._size // 8), text, fill=(255, 255, 255), font=self._font)
        return np.asarray(picture)

    def _fitting(self, label: str, left: int) -> str:
        """The label, shortened until it fits to the right of ``left``."""
        room = self._width - left - self._font.getlength("100 %  ")
        if self._font.getlength(label) <= room:
            return label
        while label and self._font.getlength(f"{label}...") > room:
            label = label[:-1]
        return f"{label}..."
