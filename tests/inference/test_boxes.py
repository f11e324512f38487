"""Boxes for a detector: the rows of this video, at the frames that their timestamps mean."""

import numpy as np
import pytest

from videomamba.data.reader import VideoReader
from videomamba.data.synthetic import write_video
from videomamba.errors import UserError
from videomamba.inference.boxes import FrameBoxes, find_boxes, look_times, read_boxes
from videomamba.notes import UserNote

BOX = (0.1, 0.2, 0.3, 0.4)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """40 frames, 10 a second."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_video(path, np.zeros((40, 32, 32, 3), np.uint8), fps=10)
    return path


def rows(tmp_path, *lines):
    file = tmp_path / "boxes.csv"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def test_rows_of_this_video_at_their_frames(film, tmp_path):
    file = rows(tmp_path, "film,3,0.1,0.2,0.3,0.4,,0.9", "film.mp4,1,0.1,0.2,0.3,0.4,,0.8", "other,1,0,0,1,1,,0.9")
    with VideoReader(film) as reader:
        assert read_boxes(file, film, reader) == [FrameBoxes(1, 10, ((BOX, 0.8),)), FrameBoxes(3, 30, ((BOX, 0.9),))]
        (early,) = read_boxes(file, film, reader, keyframes="0:0.5", threshold=0.85)
        assert (early.timestamp, early.frame) == (3, 15)


def test_rows_that_cannot_be_used_are_said(film, tmp_path):
    file = rows(tmp_path, "film,1,0.1,0.2,0.3,0.4,,0.9", "film,60,0.1,0.2,0.3,0.4,,0.9", "film,1,0.5,0,0.4,1,,0.9")
    with VideoReader(film) as reader, pytest.warns(UserNote) as said:
        assert len(read_boxes(file, film, reader)) == 1
    assert str(said[0].message).startswith("left out boxes.csv:3: box 0.5,0,0.4,1 is empty")
    assert "1 timestamps are outside the video, the first 60" in str(said[-1].message)
    with VideoReader(film) as reader, pytest.raises(UserError, match="it has the videos other"):
        read_boxes(rows(tmp_path, "other,1,0,0,1,1,,0.9"), film, reader)


def test_looks_are_evenly_apart_and_end_with_the_film(film):
    with VideoReader(film) as reader:
        assert look_times(reader, 1.0) == [0, 10, 20, 30]
        assert look_times(reader, 1.5) == [0, 15, 30]
        with pytest.raises(UserError, match="every=0; it must be above 0 seconds"):
            look_times(reader, 0)


def test_found_boxes_carry_their_look_and_frame(film):
    def detector(frame):
        assert frame.shape == (3, 32, 32)
        return [(BOX, 0.7)]

    with VideoReader(film) as reader:
        found = list(find_boxes(reader, [5, 20], detector))
    assert found == [FrameBoxes(0, 5, ((BOX, 0.7),)), FrameBoxes(1, 20, ((BOX, 0.7),))]
