"""Frames are counted and found where packets' times mislead: joined recordings, packets that show nothing, damage."""

import shutil
import subprocess

import av
import numpy as np
import pytest

from tests.data.videos import number_of, numbered_frames, shift, write
from videomamba.data import VideoError, VideoReader
from videomamba.notes import UserNote


def numbers(reader, indices=None):
    return [number_of(frame) for frame in reader.read(indices or range(reader.num_frames)).frames]


@pytest.mark.parametrize("milliseconds", [0, 5, 20, 400, 760, 1000])
@pytest.mark.parametrize("options", [{}, {"bf": "3", "g": "6", "b_strategy": "0"}], ids=["plain", "b-frames"])
def test_joined_transport_streams(tmp_path, milliseconds, options):
    a = write(tmp_path / "a.ts", numbered_frames(20), options=options)
    b = shift(a, tmp_path / "b.ts", milliseconds) if milliseconds else a
    path = tmp_path / "ab.ts"
    path.write_bytes(a.read_bytes() + b.read_bytes())
    with VideoReader(path) as reader:
        assert numbers(reader) == [*range(20), *range(20)]
        assert numbers(reader, [5, 19, 20, 33]) == [5, 19, 0, 13]
        assert (np.diff(reader.times.seconds) > 0).all()
        if milliseconds < 800:
            assert reader.fps == pytest.approx(25)


def test_joined_program_streams(tmp_path):
    a = write(tmp_path / "a.mpg", numbered_frames(20), codec="mpeg1video")
    (tmp_path / "aa.mpg").write_bytes(2 * a.read_bytes())
    with VideoReader(tmp_path / "aa.mpg") as reader:
        assert numbers(reader) == [*range(20), *range(20)]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="PyAV cannot encode in two passes")
@pytest.mark.parametrize("name", ["a.webm", "a.mkv"])
def test_packets_that_show_nothing_are_no_frames(tmp_path, name, decoder):
    """VP8's alternative reference frames."""
    how = "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -c:v libvpx -b:v 200k -auto-alt-ref 1 -lag-in-frames 16 -threads 1"
    for run, target in ((1, "-f null -"), (2, str(tmp_path / name))):
        command = f"ffmpeg -v error {how} -pass {run} -passlogfile {tmp_path}/log {target}"
        subprocess.run(command.split(), check=True)
    with av.open(str(tmp_path / name)) as container:
        packets = sum(1 for packet in container.demux(video=0) if packet.size)
    assert packets > 50, "the encoder made some"
    with VideoReader(tmp_path / name, decoder=decoder) as reader:
        assert (reader.num_frames, reader.fps) == (50, pytest.approx(25))
        whole = reader.read(range(50)).frames
        for index in (0, 4, 5, 20, 49):
            assert (reader.read([index]).frames[0] == whole[index]).all()
    assert (whole.diff(dim=0) != 0).flatten(1).any(1).all(), "no frame twice"


@pytest.mark.parametrize("count", [38, 40, 42, 48])
def test_open_gops(tmp_path, count, decoder):
    options = {"x264-params": "open-gop=1:keyint=12:bframes=2:b-adapt=0"}
    path = write(tmp_path / "a.mp4", numbered_frames(count), options=options)
    with VideoReader(path, decoder=decoder) as reader:
        assert numbers(reader, [count - 1]) == [count - 1]
        assert numbers(reader, [0, count - 1]) == [0, count - 1]
        assert numbers(reader) == list(range(count))


def damaged(path, first, last):
    """The same file, its packets from ``first`` to ``last`` overwritten."""
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for place, size in places[first : last + 1]:
        data[place : place + size] = bytes(size)
    path.write_bytes(data)


def test_a_frame_that_cannot_be_decoded_is_said(tmp_path, decoder):
    path = write(tmp_path / "a.mp4", numbered_frames(40), options={"g": "10", "bf": "0"})
    damaged(path, 28, 33)
    with VideoReader(path, decoder=decoder) as reader:
        with pytest.warns(UserNote, match="frame 31 cannot be decoded; frame 27 is used instead"):
            clip = reader.read([5, 31])
        assert clip.indices.tolist() == [5, 27]
        assert [number_of(frame) for frame in clip.frames] == [5, 27]
        assert clip.notes == (f"{path}: frame 31 cannot be decoded; frame 27 is used instead",)
        assert clip.timestamps.tolist() == pytest.approx([5 / 25, 27 / 25])
        with pytest.warns(UserNote, match="frames cannot be decoded, the first 28; frame 27 is used instead"):
            assert numbers(reader)[:28] == list(range(28))
        assert reader.read([5]).notes == ()


def test_errors_after_opening_name_the_file(tmp_path, monkeypatch):
    path = write(tmp_path / "a.ts", numbered_frames(5))

    def fails(self, frame):
        raise av.error.OSError(95, "Operation not supported")

    monkeypatch.setattr("videomamba.data.to_rgb.ToRGB.__call__", fails)
    with VideoReader(path) as reader:
        for read in (lambda: reader.read([0]), lambda: list(reader.stream())):
            with pytest.raises(VideoError, match=r"a\.ts cannot be decoded: Operation not supported"):
                read()


def test_a_frame_too_large_for_memory_is_refused(tmp_path):
    """A damaged header may ask for any size."""
    path = write(tmp_path / "a.mkv", np.zeros((2, 48, 64, 3), np.uint8), codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    place = 0
    while (place := data.find(b"\xff\xc0\x00\x11\x08", place)) > 0:  # JPEG's start of a frame: height and width follow
        data[place + 5 : place + 9] = b"\xff\x00\xff\x00"
        place += 5
    path.write_bytes(data)
    with pytest.raises(VideoError), VideoReader(path, decoder="pyav") as reader:
        reader.read([0])
