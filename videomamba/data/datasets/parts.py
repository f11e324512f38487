"""The words that people use for the parts of a data set."""

from collections.abc import Sequence
from typing import Literal

Part = Literal["train", "val", "test"]
_WORDS: dict[Part, tuple[str, ...]] = {
    "train": ("train", "training", "trainset", "train_set", "training_set"),
    "val": ("val", "valid", "validate", "validation", "valset", "val_set", "validation_set", "dev"),
    "test": ("test", "testing", "tests", "testset", "test_set", "testing_set", "eval", "evaluation"),
}
_PARTS: dict[str, Part] = {word: part for part, words in _WORDS.items() for word in words}
KNOWN = "train, val or test"


def part_of(word: str) -> Part | None:
    """The part that a word such as ``Train``, ``validation`` or ``testing`` means; None for any other word."""
    return _PARTS.get(word.strip().lower().replace("-", "_").replace(" ", "_"))


def in_two_or_three(parts: dict[str, list]) -> dict[str, list]:
    """``train`` and ``test``, and ``val`` between them where both are there; ``val`` alone is the test."""
    if parts.get("test"):
        return {name: parts[name] for name in ("train", "val", "test") if parts.get(name)}
    named = {"train": parts.get("train", []), "test": parts.get("val", [])}
    return {name: listed for name, listed in named.items() if listed}


def roles(sizes: dict[str, int], where: object) -> Sequence[str]:
    """One line that says what the parts are used for, where there are three."""
    if "val" not in sizes:
        return ()
    return (
        f"{where}: best/ is chosen on the {sizes['val']} videos of the val part; the {sizes['test']} of the test part "
        "are tested after the last epoch",
    )
