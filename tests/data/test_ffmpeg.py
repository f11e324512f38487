"""Which stream of a file is the video, and names that look like addresses."""

import os

import pytest

from tests.data.videos import number_of, numbered_frames, write, write_music, write_with_cover
from videomamba.data import VideoError, VideoReader
from videomamba.data.video_length import video_seconds
from videomamba.data.video_writer import write_video


@pytest.mark.parametrize("name", ["cover.mkv", "cover.mp4"])
def test_a_cover_in_front_is_not_the_video(tmp_path, name, decoder):
    path = write_with_cover(tmp_path / name, numbered_frames(30))
    with VideoReader(path, decoder=decoder) as reader:
        assert reader.num_frames == 30
        clip = reader.read([0, 17])
        assert clip.frames.shape == (2, 3, 48, 64)
        assert number_of(clip.frames[1]) == 17
    assert video_seconds(path, fps=25) == pytest.approx(1.2, abs=0.05)


@pytest.mark.parametrize("name", ["music.mp4", "music.mkv"])
def test_a_cover_alone_is_no_video(tmp_path, name, decoder):
    path = write_music(tmp_path / name)
    with pytest.raises(VideoError, match=r"has no video stream, only (sound and )?a cover picture") as caught:
        VideoReader(path, decoder=decoder)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["2024-05-01T10:30:00.mp4", "Alien: Romulus.mp4", "http:a.mp4", "10:30/clip.mp4",
                                  "100%d.mp4", "a?b#c.mp4", "pipe:0.mp4", "line\nbreak.mp4"])  # fmt: skip
def test_names_are_no_addresses(tmp_path, monkeypatch, name, decoder):
    monkeypatch.chdir(tmp_path)
    if "/" in name:
        os.mkdir(os.path.dirname(name))
    write_video(name, numbered_frames(5), fps=25)
    with VideoReader(name, decoder=decoder) as reader:
        assert (reader.num_frames, number_of(reader.read([3]).frames[0])) == (5, 3)
    assert video_seconds(reader.path, fps=25) == pytest.approx(0.2, abs=0.01)


def test_a_name_that_is_not_utf8(tmp_path, decoder):
    path = write(tmp_path / "a.mp4", numbered_frames(5)).rename(tmp_path / os.fsdecode(b"caf\xe9.mp4"))
    with VideoReader(path, decoder=decoder) as reader:
        assert number_of(reader.read([3]).frames[0]) == 3


def test_an_unknown_codec_is_named(tmp_path, decoder):
    path = write(tmp_path / "a.mp4", numbered_frames(5))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz1"))
    with pytest.raises(VideoError, match=r"a\.mp4 (has a video stream in a codec that FFmpeg does not know)"):
        VideoReader(path, decoder=decoder)
