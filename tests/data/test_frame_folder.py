"""Folders of pictures: one video each, of one name and kind, without long gaps; a rate that is assumed is said."""

import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.data.videos import number_of, numbered_frames
from videomamba.data import VideoError
from videomamba.data.datasets.ava_options import AvaOptions
from videomamba.data.frame_folder import FrameFolder
from videomamba.data.keyframes import Keyframes, centre_frame
from videomamba.errors import UserError
from videomamba.notes import UserNote


@pytest.fixture
def folder(tmp_path) -> Path:
    """img_00001.jpg to img_00020.jpg."""
    for i, frame in enumerate(numbered_frames(20)):
        Image.fromarray(frame).save(tmp_path / f"img_{i + 1:05d}.jpg", quality=95)
    return tmp_path


@pytest.mark.parametrize("stray", ["flow_x_00003.jpg", "img_00003.png", "img_00003-copy2.jpg", "poster_20230101.jpg"])
def test_pictures_of_another_name_or_kind_are_refused(folder, stray):
    Image.new("RGB", (64, 48)).save(folder / stray)
    with pytest.raises(VideoError, match="more than one video: ") as caught:
        FrameFolder(folder, fps=25)
    assert stray in str(caught.value)
    assert "img_" in str(caught.value)


def test_two_pictures_for_one_frame_are_refused(folder):
    (folder / "img_3.jpg").write_bytes((folder / "img_00003.jpg").read_bytes())
    with pytest.raises(VideoError, match=r"two pictures for one frame: img_00003\.jpg and img_3\.jpg"):
        FrameFolder(folder, fps=25)


def test_hidden_files_and_others_are_passed_over(folder):
    (folder / "._img_00001.jpg").write_bytes(b"of a Mac")
    (folder / "thumbs.jpg").write_bytes(b"no number")
    (folder / "labels_1.txt").write_text("")
    with FrameFolder(folder, fps=25) as reader:
        assert [number_of(frame) for frame in reader.read(range(20)).frames] == list(range(20))


def test_a_long_gap_is_refused(folder):
    Image.new("RGB", (64, 48)).save(folder / "img_20230101.jpg")
    with pytest.raises(VideoError, match=r"after img_00020\.jpg comes img_20230101\.jpg"):
        FrameFolder(folder, fps=25)


def test_missing_numbers_are_said(folder):
    (folder / "img_00005.jpg").unlink()
    with pytest.warns(UserNote, match="lacks 1 of 20 numbers"):
        reader = FrameFolder(folder, fps=25)
    clip = reader.read([3, 4, 5])
    assert clip.indices.tolist() == [3, 3, 5]
    assert [number_of(frame) for frame in clip.frames] == [3, 3, 5]
    assert [number_of(frame) for frame in reader.stream()] == [0, 1, 2, 3, 3, *range(5, 20)]


def test_the_rate(folder):
    with pytest.warns(UserNote, match="30 pictures a second are assumed"):
        assumed = FrameFolder(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        given = FrameFolder(folder, fps=10)
    assert (assumed.fps, given.fps) == (30, 10)
    assert (assumed.times.index(0.5), given.times.index(0.5)) == (15, 5)
    assert centre_frame(given, Keyframes.parse("0:1"), 1) == 10
    for fps in (0, -1, 1e9, float("nan")):
        with pytest.raises(UserError, match="fps="):
            FrameFolder(folder, fps=fps)
    assert AvaOptions().folder_fps == 30
    with pytest.raises(UserError, match="fps="):
        AvaOptions(fps=0)


def test_streams_are_readings(folder):
    reader = FrameFolder(folder, fps=25)
    streamed = torch.stack(list(reader.stream(step=3, short_side=24)))
    assert torch.equal(streamed, reader.read(range(0, 20, 3), short_side=24).frames)


def test_a_picture_that_cannot_be_decoded_is_named(folder):
    (folder / "img_00007.jpg").write_bytes(b"\xff\xd8 no picture")
    with pytest.raises(VideoError, match=r"img_00007\.jpg cannot be decoded"):
        FrameFolder(folder, fps=25).read([6])


@pytest.mark.parametrize("name", ["img_{:05d}.jpg", "clip0_{:06d}.jpg"])
def test_a_folder_of_frames_is_a_video(tmp_path, name):
    for i, frame in enumerate(numbered_frames(20)):
        if i != 7:
            Image.fromarray(frame).save(tmp_path / name.format(i + 1), quality=95)
    with FrameFolder(tmp_path, fps=10) as folder:
        assert folder.num_frames == 20
        clip = folder.read([3, 3, 7, 19], short_side=24)
    assert [number_of(frame) for frame in clip.frames.numpy()] == [3, 3, 6, 19], "the one before stands for frame 7"
    assert clip.frames.shape[-2:] == (24, 32)
    with pytest.raises(VideoError, match="no numbered pictures"):
        FrameFolder(tmp_path.joinpath("x").mkdir() or tmp_path / "x")
