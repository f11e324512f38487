"""Which classes a mirror image turns into another one, by what they are called."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_TURNS = ("counterclockwise", "anticlockwise")
_SWAPPED = {"left": "right", "right": "left", **dict.fromkeys(_TURNS, "clockwise")}
_WORDS = re.compile(r"counterclockwise|anticlockwise|clockwise|left|right", re.IGNORECASE)


@dataclass(frozen=True)
class Mirrored:
    """Classes that have a side.

    Attributes:
        pairs: labels that change places.
        alone: labels whose mirror image is none of the classes, such as "turn left" without "turn right".
    """

    pairs: tuple[tuple[int, int], ...] = ()
    alone: frozenset[int] = field(default_factory=frozenset)


def mirrored_classes(names: Sequence[str], given: Sequence[tuple[str, str]] = ()) -> Mirrored:
    """The classes whose names have left, right, clockwise, counterclockwise or anticlockwise as a word.

    Args:
        names: of the classes.
        given: pairs that are known; the other ones are found by name.

    Example:
        >>> from videomamba.data.mirror import mirrored_classes
        >>> mirrored_classes(["swipe_left", "swipe_right", "turn-left", "upright"])
        Mirrored(pairs=((0, 1),), alone=frozenset({2}))
    """
    label = {name: i for i, name in enumerate(names)}
    pairs = {tuple(sorted((label[a], label[b]))) for a, b in given if a in label and b in label}
    known = {one for pair in pairs for one in pair}
    lowered = {name.lower(): i for i, name in enumerate(names)}
    alone = set()
    for name, own in label.items():
        images = _images(name.lower())
        if own in known or not images:
            continue
        others = [lowered[image] for image in images if lowered.get(image, own) not in {own, *known}]
        if others:
            pairs.add((min(own, others[0]), max(own, others[0])))
            known |= {own, others[0]}
        else:
            alone.add(own)
    return Mirrored(tuple(sorted((a, b) for a, b in pairs)), frozenset(alone))


def _images(name: str) -> list[str]:
    """What a class may be called in a mirror; nothing if its name has no side."""
    images = []
    for turn in _TURNS:
        swapped = {**_SWAPPED, "clockwise": turn}
        image = _WORDS.sub(lambda m: swapped[m[0]] if _is_word(name, m) else m[0], name)  # noqa: B023
        if image != name and image not in images:
            images.append(image)
    return images


def _is_word(name: str, match: re.Match[str]) -> bool:
    before, after = name[: match.start()][-1:], name[match.end() :][:1]
    return not before.isalpha() and not after.isalpha()
