"""The site: what docs/site.py makes of the code, and how pages begin. `make docs` builds it."""

import importlib.util
from pathlib import Path

import pytest

from videomamba.cli.main import VERBS

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.parent.name != "experiments"]


@pytest.fixture(scope="module")
def site():
    pytest.importorskip("mkdocs")
    spec = importlib.util.spec_from_file_location("docs_site", DOCS / "site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_starts_with_what_to_type(page):
    title, first, *_ = [line for line in page.read_text().splitlines() if line.strip()]
    assert title.startswith("# ")
    assert first.startswith(("    ", "```"))


def test_pages_of_commands_are_of_commands():
    for page in (DOCS / "commands").glob("*.md"):
        assert page.stem in VERBS
        text = page.read_text()
        assert text.startswith(f"# videomamba {page.stem}\n")
        assert "<!-- options -->" in text
        assert "\n## Example\n" in text


def test_options_are_those_of_the_code(site):
    text = site._options("predict")
    assert text.startswith("Predicts the class of each video.")
    assert "| `--top-k K` | classes to show for each video (default: 5) |" in text
    assert "--help" not in text
    assert "| `--clips N` |" in site._options("benchmark"), "of a verb within the verb"


def test_pages_that_are_not_there_are_left_out(site):
    nav = [{"A": "index.md"}, {"B": "no.md"}, {"C": [{"D": "no.md"}]}, {"Commands": "commands"}]
    first, commands = site._present(nav, DOCS)
    assert first == {"A": "index.md"}
    assert [next(iter(page)) for page in commands["Commands"][1:]] == list(VERBS)
