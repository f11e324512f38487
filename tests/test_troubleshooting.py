"""The messages that docs/troubleshooting.md explains are messages of the code."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROWS = re.findall(r"^\| (.+?) \| .+ \|$", (ROOT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)
MESSAGES = [said for row in ROWS for said in re.findall(r"`([^`]+)`", row)]
# strings that continue on the next line are joined
SOURCE = re.sub(r'"\s*\n\s*f?"', "", "".join(f.read_text() for f in sorted((ROOT / "videomamba").rglob("*.py"))))


def is_said(message: str) -> bool:
    """Whether the code has the words of the message, whatever stands in the place of names and numbers."""
    words = re.split(r"\.\.\.|; |'x'|\bDIR\b|matplotlib|avx2|60 %", message)
    return all(part.strip(' :"') in SOURCE for part in words)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_in_the_code(message):
    assert is_said(message)


def test_messages_are_found_and_told_apart():
    assert len(MESSAGES) > 20
    assert not is_said("no such words are anywhere")
