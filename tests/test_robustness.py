"""docs/robustness.md names tests that exist."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent


def missing(page: str) -> list[str]:
    """The named tests that are not there."""
    gone = []
    for file, names in re.findall(r"`([\w/]+\.py)`: ((?:`\w+`(?: \([^)]*\))?(?:, )?)+)", page):
        text = (TESTS / file).read_text() if (TESTS / file).is_file() else ""
        gone += [f"{file}: {name}" for name in re.findall(r"`(\w+)`", names) if f"def test_{name}(" not in text]
    return gone


def test_every_named_test_exists():
    page = (TESTS.parent / "docs" / "robustness.md").read_text(encoding="utf-8")
    assert page.count(".py`: ") > 50
    assert missing(page) == []


def test_a_missing_test_is_found():
    assert missing("`test_robustness.py`: `a_missing_test_is_found`, `none`; `test_none.py`: `x`") == [
        "test_robustness.py: none",
        "test_none.py: x",
    ]
