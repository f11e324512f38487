"""The parts of the documentation that are made from the code are current."""

import importlib.util
import re
from pathlib import Path

import pytest

from videomamba.experiments.published import COLUMNS, SHUFFLE, STUDIES

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = [DOCS.parent / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_current(generate):
    for page in PAGES:
        text = page.read_text()
        assert generate.generated(text) == text, f"{page.name}: run `python docs/generate.py`"


def test_every_part_is_on_a_page(generate):
    assert set(re.findall(r"<!-- generated: (\w+) -->", "".join(map(Path.read_text, PAGES)))) == set(generate.PARTS)


def test_tables_of_finished_studies_have_the_published_figures():
    """Tables that `videomamba ablate` wrote: their columns `paper: ...`."""
    published = {v.label: v.published for study in (*STUDIES.values(), SHUFFLE) for v in study.variants}
    columns, seen = None, set()
    for line in (DOCS / "experiments" / "ablations.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if any(cell.startswith("paper: ") for cell in cells):
            columns = {place: COLUMNS.index(cell[7:]) for place, cell in enumerate(cells) if cell.startswith("paper: ")}
        elif cells[0] in published and columns is not None:
            for place, column in columns.items():
                assert float(cells[place]) == published[cells[0]][column], line
                seen.add(cells[0])
    assert {"spatial", "temporal expansion"} & {label.removeprefix("learned, ") for label in seen} != set()
    assert len(seen) > 10
