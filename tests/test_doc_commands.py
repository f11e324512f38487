"""The commands in README and docs are commands of this version: each is parsed, none is run."""

import re
import shlex
import warnings
from pathlib import Path

import pytest

from videomamba.cli.main import VERBS, load_verb

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(text: str) -> list[str]:
    """Lines that are ``videomamba VERB ...``, joined where they go on, with what is optional and without comments."""
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    found = re.findall(r"^(?:    |\$ )?(?:next: )?videomamba (.+)$", joined, re.MULTILINE)
    lines = [re.sub(r"\s+(#.*|[|>] .*)$|[\[\]]", "", line) for line in found]
    return [line for line in lines if not re.search(r"\bVERB\b|\bSTUDY\b|`", line)]


LINES = sorted({line for page in PAGES for line in commands(page.read_text(encoding="utf-8"))})


def refused(line: str) -> str | None:
    """What the parser says against the command, if it does."""
    import tyro

    verb, *words = shlex.split(line)
    if verb not in VERBS:
        return f"there is no {verb}"
    if words[:1] in (["--help"], ["-h"]):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        parser = _parsers.get(verb) or tyro.extras.get_parser(
            load_verb(verb), config=(tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone)
        )
    _parsers[verb] = parser
    try:
        parser.parse_args(words)
    except SystemExit as stop:
        return f"status {stop.code}"
    return None


_parsers: dict = {}


def test_there_are_commands_of_most_verbs():
    assert len({line.split()[0] for line in LINES}) >= len(VERBS) - 3


@pytest.mark.parametrize("line", LINES)
def test_a_command_is_parsed(line, capsys):
    assert refused(line) is None, capsys.readouterr().err


@pytest.mark.parametrize("line", ["fly", "train clips --bogus 1"])
def test_what_is_no_command_is_refused(line):
    assert refused(line) is not None
