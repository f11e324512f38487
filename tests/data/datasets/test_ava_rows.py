"""Rows that cannot be used: why, of which kind, and what is said of them."""

from pathlib import Path

import pytest

from videomamba.data.datasets import ava_rows
from videomamba.data.datasets.ava_rows import NO_PICTURE, BadRow, Outside, rows_left_out
from videomamba.data.errors import VideoError
from videomamba.data.keyframes import Keyframes

FILE = Path("ava_train.csv")


def test_the_first_rows_are_listed_and_all_are_counted_by_kind():
    bad = [BadRow(FILE, line, "4 columns; expected video,timestamp") for line in range(1, 12)]
    bad.append(BadRow(FILE, 12, "timestamp 9 is late", NO_PICTURE))
    first, *lines, last = rows_left_out(FILE, bad, 40)
    assert first == f"12 of 40 rows of ava_train.csv are left out: 11 unreadable, 1 {NO_PICTURE}"
    assert lines[0] == "  ava_train.csv:1: 4 columns; expected video,timestamp"
    assert (len(lines), last) == (10, "  and 2 more; the option bad_rows=FILE.csv lists all")


def test_nothing_is_said_of_nothing():
    assert rows_left_out(FILE, []) == []


@pytest.fixture
def asked(monkeypatch):
    """Names of the videos that were asked for their length: 4 s, or unreadable."""
    names = []

    def seconds(path, *, fps):
        names.append(path.name)
        if path.name == "broken.mp4":
            raise VideoError("it is cut off")
        return 4.0

    monkeypatch.setattr(ava_rows, "video_seconds", seconds)
    return names


def test_where_a_keyframe_shows_nothing(asked):
    videos = {"whole": Path("whole.mp4"), "broken": Path("broken.mp4")}
    outside = Outside(videos, Keyframes(origin=0, spacing=1), fps=30)
    assert outside(("whole", 4)) is None  # a length is rounded
    assert outside(("whole", 0)) is None
    assert outside(("whole", 5)) == ("timestamp 5 is 5.0 s into whole, which is 4.0 s long", NO_PICTURE)
    assert outside(("whole", -1)).kind == NO_PICTURE
    assert outside(("broken", 1)) == outside(("broken", 2)) == ("unreadable: it is cut off", "of unreadable videos")
    assert outside(("nobody", 1)) == ("there is no video 'nobody'", "of unknown videos")
    assert asked == ["whole.mp4", "broken.mp4"], "each is asked once"
