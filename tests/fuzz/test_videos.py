"""A small part of the campaign of ``make fuzz``: damaged videos are read, read with a note, or refused in one line."""

import pytest

from tests.fuzz.judge import ALLOWED, judge
from tests.fuzz.videos import mutated, write_sources

COUNT = 78


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    paths = write_sources(tmp_path_factory.mktemp("sources"))
    assert len({path.suffix for path in paths}) >= 10, "containers that FFmpeg writes here"
    return paths


def test_whole_files_are_right(sources):
    for path in sources:
        assert judge(path)[0] == "right", path.name


def test_damaged_files_are_read_or_refused(sources, tmp_path):
    contents = [path.read_bytes() for path in sources]
    for number in range(COUNT):
        source, how, data = mutated(contents, 0, number)
        path = tmp_path / f"{number}{sources[source].suffix}"
        path.write_bytes(data)
        outcome, text = judge(path)
        assert outcome in ALLOWED, f"{number} {sources[source].name} {how}: {text}"
