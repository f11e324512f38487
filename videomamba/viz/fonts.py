"""A font that has the characters of a text, from those that are installed."""

import functools
import warnings
from collections.abc import Iterable
from pathlib import Path

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from PIL import ImageFont

from videomamba.notes import UserNote

# of other scripts than DejaVu Sans, which comes with matplotlib, has: by families that systems bring
_OTHER_SCRIPTS = ("notosans", "sourcehan", "wqy", "wenquanyi", "droidsansfallback", "arialunicode", "msyh", "simhei",
                  "simsun", "pingfang", "hiragino", "yugoth", "msgothic", "meiryo", "malgun", "applesdgothic", "nanum",
                  "takao", "ipag", "unifont", "uming", "ukai", "freesans", "gulim", "batang")  # fmt: skip


def font_for(texts: Iterable[str], size: int) -> ImageFont.FreeTypeFont:
    """A font that draws all of these texts, or as much of them as an installed one can, with a note.

    Args:
        texts: what will be drawn.
        size: in pixels.
    """
    return ImageFont.truetype(_file(frozenset("".join(texts)) - set(" \n\t")), size)


@functools.cache
def _file(characters: frozenset[str]) -> str:
    default = str(font_manager.findfont("DejaVu Sans"))
    missing = {default: _missing(default, characters)}
    if missing[default]:
        for file in _candidates():
            missing[file] = _missing(file, characters)
            if not missing[file]:
                return file
    best = min(missing, key=lambda file: len(missing[file]))
    if missing[best]:
        warnings.warn(
            UserNote(
                f"no font that is installed has the character {min(missing[best])}, and others of its script: they are "
                "drawn as boxes; install a font that has them, such as Noto Sans CJK"
            ),
            stacklevel=2,
        )
    return best


def _candidates() -> list[str]:
    """Fonts that may have other scripts, likely ones first."""
    files = sorted(set(font_manager.findSystemFonts()) | {entry.fname for entry in font_manager.fontManager.ttflist})

    def rank(file: str) -> int:
        name = Path(file).stem.lower().replace("-", "").replace("_", "").replace(" ", "")
        return 0 if any(word in name for word in _OTHER_SCRIPTS) and "bold" not in name else 1

    return sorted(files, key=rank)


def _missing(file: str, characters: frozenset[str]) -> frozenset[str]:
    known = _known(file)
    return frozenset(character for character in characters if ord(character) not in known)


@functools.cache
def _known(file: str) -> frozenset[int]:
    """Code points that a font has; none where it cannot be read, or draws every character as its block's name."""
    if "lastresort" in file.lower():
        return frozenset()
    try:
        return frozenset(FT2Font(file).get_charmap())
    except (RuntimeError, OSError, ValueError):
        return frozenset()
