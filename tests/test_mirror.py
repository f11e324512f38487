"""Tests are found by the name of what they test: ``videomamba/a/b.py`` by ``tests/a/test_b.py``."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEAST = 60  # lines of a module that must have a test file of its name


def lacks_tests(root: Path) -> list[str]:
    """Modules of the least length and more without a test file of their name, and test files without a test."""
    lacking = []
    for module in sorted((root / "videomamba").rglob("*.py")):
        place = module.relative_to(root / "videomamba")
        file = root / "tests" / place.parent / f"test_{place.stem}.py"
        if module.name == "__init__.py" or len(module.read_text().splitlines()) < LEAST:
            continue
        if not file.is_file() or "\ndef test_" not in f"\n{file.read_text()}":
            lacking.append(f"videomamba/{place} has no test in {file.relative_to(root)}")
    return lacking


def test_every_module_has_a_test_file_of_its_name():
    assert lacks_tests(ROOT) == []


@pytest.mark.parametrize(
    ("lines", "file", "text", "found"),
    [
        (59, None, "", []),
        (60, None, "", ["videomamba/a/b.py has no test in tests/a/test_b.py"]),
        (60, "tests/test_b.py", "def test_c(): ...", ["videomamba/a/b.py has no test in tests/a/test_b.py"]),
        (60, "tests/a/test_b.py", "import pytest", ["videomamba/a/b.py has no test in tests/a/test_b.py"]),
        (60, "tests/a/test_b.py", "def test_c(): ...", []),
    ],
)
def test_what_counts_as_a_test_file(tmp_path, lines, file, text, found):
    (tmp_path / "videomamba/a").mkdir(parents=True)
    (tmp_path / "videomamba/a/b.py").write_text("x = 1\n" * lines)
    (tmp_path / "videomamba/a/__init__.py").write_text("x = 1\n" * 99)
    if file is not None:
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text(text)
    assert lacks_tests(tmp_path) == found
