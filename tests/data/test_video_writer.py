"""The one encoder: whole files of any name, with the frames' own times; equal frames give equal bytes."""

import hashlib
from fractions import Fraction

import av
import numpy as np
import pytest

from tests.data.videos import number_of, numbered_frames
from videomamba.data import VideoReader
from videomamba.data.video_writer import video_file, write_video
from videomamba.errors import UserError


def test_frames_keep_their_times(tmp_path, decoder):
    moments = [0, 0.04, 0.08, 1.0, 1.2, 1.4, 1.6]
    with video_file(tmp_path / "a.mp4", height=48, width=64, fps=8.45) as writer:
        for frame, seconds in zip(numbered_frames(7), moments, strict=True):
            writer.write(frame, seconds)
    with VideoReader(tmp_path / "a.mp4", decoder=decoder) as reader:
        assert reader.times.seconds.tolist() == pytest.approx(moments, abs=1e-4)
        assert [number_of(frame) for frame in reader.read(range(7)).frames] == list(range(7))


def test_the_shape_of_pixels(tmp_path, decoder):
    with video_file(tmp_path / "a.mp4", height=56, width=72, fps=25, pixel_aspect=Fraction(64, 45)) as writer:
        writer.write(np.zeros((56, 72, 3), np.uint8))
    with VideoReader(tmp_path / "a.mp4", decoder=decoder) as reader:
        assert reader.pixel_aspect == Fraction(64, 45)


def test_an_odd_side_loses_its_last_pixel(tmp_path):
    write_video(tmp_path / "a.mp4", np.zeros((2, 47, 63, 3), np.uint8), fps=25)
    with VideoReader(tmp_path / "a.mp4") as reader:
        assert reader.read([0]).frames.shape == (1, 3, 46, 62)


@pytest.mark.parametrize("name", ["a:b.mp4", "new/folder/10:30.mp4"])
def test_any_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_video(name, numbered_frames(3), fps=25)
    assert VideoReader(name).num_frames == 3


def test_nothing_is_left_of_a_file_that_fails(tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match="on the way"), video_file(tmp_path / "a.mp4", height=8, width=8, fps=5):
        raise RuntimeError("on the way")
    assert list(tmp_path.iterdir()) == []

    def fails(*_, **__):
        raise av.error.InvalidDataError(1094995529, "Invalid data")

    monkeypatch.setattr("av.open", fails)
    with pytest.raises(UserError, match=r"a\.mp4 cannot be written: Invalid data"):
        write_video(tmp_path / "a.mp4", numbered_frames(2), fps=5)


def test_equal_frames_give_equal_bytes(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (9, 48, 64, 3), np.uint8)
    digests = set()
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, frames, fps=Fraction(30000, 1001))
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
