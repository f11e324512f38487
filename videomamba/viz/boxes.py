"""Boxes with lines of text, drawn on frames."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from videomamba.viz.fonts import font_for

# of Okabe and Ito, told apart by the colour-blind; black text is readable on all of them
COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0))


class DrawnBox(NamedTuple):
    """x1, y1, x2, y2 as fractions of the picture, and lines to write at its top."""

    box: tuple[float, float, float, float]
    lines: Sequence[str]


def draw_boxes(frame: NDArray[np.uint8], boxes: Sequence[DrawnBox]) -> NDArray[np.uint8]:
    """The frame (H, W, 3) with boxes in colours of their own; text stays inside the picture."""
    picture = Image.fromarray(frame)
    draw = ImageDraw.Draw(picture)
    height, width = frame.shape[:2]
    line = max(1, round(min(height, width) / 150))
    font = font_for((line for _, lines in boxes for line in lines), max(10, round(min(height, width) / 22)))
    for i, (box, lines) in enumerate(boxes):
        colour = COLOURS[i % len(COLOURS)]
        x1, y1, x2, y2 = (round(value * (side - 1)) for value, side in zip(box, (width, height) * 2, strict=True))
        draw.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=colour, width=line)
        text = "\n".join(lines)
        if not text:
            continue
        left, top, right, bottom = draw.multiline_textbbox((0, 0), text, font=font)
        x = max(0, min(x1 + line, width - round(right) - 2 * line))
        y = max(0, min(y1 + line, height - round(bottom) - 2 * line))
        draw.rectangle((x + left - line, y + top - line, x + right + line, y + bottom + line), fill=colour)
        draw.multiline_text((x, y), text, fill=(0, 0, 0), font=font)
    return np.asarray(picture)
