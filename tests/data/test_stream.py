"""Frames as they come: the reader's frames and times, from files, pipes and servers that fail."""

import io
import os
import sys
import threading
import time
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.data.pipes import piped
from tests.data.server import served
from tests.data.videos import forget_rate, number_of, numbered_frames, shift, write, write_audio
from videomamba.data import VideoError, VideoReader
from videomamba.data.clock import Clock
from videomamba.data.stream import StandardInput, VideoStream, is_once
from videomamba.errors import UserError
from videomamba.notes import UserNote


def numbers(frames):
    return [number_of(frame.picture) for frame in frames]


@pytest.fixture
def film(tmp_path):
    """A transport stream of 2 s, whose frames say which they are."""
    return write(tmp_path / "film.ts", numbered_frames(50), options={"g": "10"})


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi", "a.webm", "a.nut", "a.flv"])
def test_the_readers_frames_and_times(tmp_path, name):
    codec = {"a.webm": "libvpx", "a.avi": "mpeg4"}.get(name, "libx264")
    path = write(tmp_path / name, numbered_frames(30), codec=codec)
    with VideoStream(path) as stream, VideoReader(path, decoder="pyav") as reader:
        found = list(stream.frames())
        assert [frame.index for frame in found] == list(range(30))
        assert [frame.seconds for frame in found] == pytest.approx(list(reader.times.seconds))
        assert all(torch.equal(a.picture, b) for a, b in zip(found, reader.stream(), strict=True))
        assert not stream.is_live
        assert stream.usual == pytest.approx(1 / 25)


def test_variable_rate_and_length(tmp_path):
    pts = [0, 40, 200, 210, 500]
    with VideoStream(write(tmp_path / "a.mp4", numbered_frames(5), pts=pts)) as stream:
        assert [frame.seconds for frame in stream.frames()] == pytest.approx([0, 0.04, 0.2, 0.21, 0.5])
        assert stream.seconds == pytest.approx(0.54, abs=0.25)


def test_steps_first_and_short_side(film):
    with VideoStream(film) as stream:
        found = list(stream.frames(step=7, first=10, short_side=24))
    assert [frame.index for frame in found] == [14, 21, 28, 35, 42, 49]
    assert numbers(found[:5]) == [14, 21, 28, 35, 42]
    assert found[0].picture.shape == (3, 24, 32)
    assert found[0].seconds == pytest.approx(14 / 25)


def test_a_clock_that_begins_anew_goes_on(film, tmp_path):
    """Two recordings joined, the second with an earlier clock than the end of the first, then one with a later one."""
    later = shift(film, tmp_path / "later.ts", 60_000)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(later.read_bytes() + film.read_bytes())
    with VideoStream(joined) as stream:
        times = [frame.seconds for frame in stream.frames()]
    assert times == pytest.approx([i / 25 for i in range(100)], abs=0.05)


def test_a_file_that_does_not_say_how_fast_it_plays(tmp_path):
    raw = write(tmp_path / "a.h264", numbered_frames(10))
    with VideoStream(raw) as stream:
        times = [frame.seconds for frame in stream.frames()]
    assert times == pytest.approx([i / 25 for i in range(10)], abs=0.02)
    path = write(tmp_path / "a.webm", numbered_frames(9), codec="libvpx", fps=10)
    forget_rate(path)
    with VideoStream(path) as stream:
        assert [frame.seconds for frame in stream.frames()] == pytest.approx([i / 10 for i in range(9)])


class Pipe(io.RawIOBase):
    """What can only be read, a little at a time."""

    name = "a pipe"

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def read(self, size=-1):
        return self._data.read(min(size, 1000))

    def seek(self, *_):
        raise io.UnsupportedOperation


def test_a_file_object_is_read_once_and_has_no_length(film):
    with VideoStream(Pipe(film.read_bytes())) as stream:
        assert (stream.name, stream.seconds) == ("a pipe", None)
        assert len(list(stream.frames())) == 50


def test_standard_input_gives_what_is_there_at_once(monkeypatch, film):
    read, written = os.pipe()
    with os.fdopen(read) as source:
        monkeypatch.setattr(sys, "stdin", source)
        os.write(written, b"abc")
        assert StandardInput().read(1 << 20) == b"abc"
        os.close(written)
    with piped(film.read_bytes(), monkeypatch), VideoStream("-") as stream:
        assert len(list(stream.frames())) == 50


def test_broken_packets_cost_their_frames(film):
    data = bytearray(film.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 600] = bytes(600)
    with VideoStream(io.BytesIO(bytes(data))) as stream:
        found = list(stream.frames())
    assert 40 <= len(found) <= 50


@pytest.mark.parametrize(("how", "count"), [("length", 50), ("chunked", 50), ("close", 50)])
def test_a_server_with_an_end(film, how, count, recwarn):
    with served(film, how) as server, VideoStream(server.url, reconnect=1) as stream:
        assert stream.is_live == (how != "length")
        assert numbers(stream.frames()) == list(range(count))
        assert stream.reconnects == 0
    assert ["ends early" in str(w.message) for w in recwarn if w.category is UserNote] == [True] * (how == "close")


def test_rtsp(film):
    with served(film, "rtsp", 0.5) as server, VideoStream(server.url) as stream:
        assert stream.is_live
        found = list(stream.frames())
    assert numbers(found) == list(range(len(found)))
    assert len(found) >= 49  # FFmpeg keeps the last picture of a transport stream in RTP
    assert found[48].seconds == pytest.approx(48 / 25, abs=0.01)


def test_a_server_that_falls_silent(film):
    """After the timeout it is connected to again; here it plays from the start, and time goes on."""
    with served(film, "hang") as server:
        stream = VideoStream(server.url, timeout=0.5, reconnect=5)
        found = []
        for frame in stream.frames():
            found.append(frame)
            if len(found) > 30:
                break
        stream.close()
    again = [frame for frame in found if frame.is_new_start]
    assert stream.reconnects == len(again) == 1
    assert number_of(again[0].picture) == 0
    assert again[0].seconds > found[again[0].index - 1].seconds


def test_a_server_that_goes_away(film):
    with served(film, "hang") as server:
        stream = VideoStream(server.url, timeout=0.5, reconnect=0.7, endless=True)
        frames = stream.frames()
        next(frames)
        server.kill()
        with pytest.warns(UserNote, match=r"was lost after frame \d+ and did not answer again in 0.7 s"):
            rest = list(frames)
        assert 10 < len(rest) < 40
    with pytest.raises(VideoError, match="is not a video that FFmpeg can open: Connection refused"):
        VideoStream(server.url)


@pytest.mark.parametrize("how", ["chunked", "rtsp"])
def test_a_live_server_that_is_restarted(film, how):
    with served(film, how, -2.0) as server:
        stream = VideoStream(server.url, timeout=2, reconnect=10, endless=True)
        assert stream.is_live
        for seen, frame in enumerate(stream.frames()):
            if seen == 20:
                server.kill()
                threading.Timer(0.6, server.start).start()
            if frame.is_new_start:
                break
        assert frame.is_new_start
        assert stream.reconnects == 1
        stream.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [(lambda path: path / "gone.mp4", "gone.mp4 does not exist"), (lambda path: path, "is a folder, not a video"),
     (lambda path: (path / "a.mp4").touch() or path / "a.mp4", "a.mp4 is empty"),
     (lambda path: write_audio(path / "a.mp4"), "has no video stream"),
     (lambda path: io.BytesIO(b"no video"), "is not a video that FFmpeg can open"),
     (lambda path: "http://127.0.0.1:1/x.ts", "x.ts is not a video that FFmpeg can open: Connection"),
     (lambda path: "rtsp://127.0.0.1:1/x", "is not a video that FFmpeg can open: Connection refused")],
)  # fmt: skip
def test_what_cannot_be_opened(tmp_path, make, message):
    with pytest.raises(VideoError, match=message):
        VideoStream(make(tmp_path))


def test_a_camera_by_opencv(monkeypatch):
    class Capture:
        def __init__(self, number):
            self.left = 3 if number == 1 else 0

        def isOpened(self):
            return self.left > 0

        def get(self, _):
            return 30.0

        def read(self):
            self.left -= 1
            time.sleep(0.01)
            return self.left >= 0, np.full((4, 6, 3), (0, 0, 255), np.uint8)

        def release(self):
            self.left = 0

    fake = SimpleNamespace(
        VideoCapture=Capture, CAP_PROP_FPS=5, COLOR_BGR2RGB=4, cvtColor=lambda picture, _: picture[..., ::-1].copy()
    )
    monkeypatch.setitem(sys.modules, "cv2", fake)
    with VideoStream("camera:1") as stream:
        assert stream.is_live
        found = list(stream.frames())
    assert len(found) == 3
    assert found[0].picture[:, 0, 0].tolist() == [255, 0, 0]
    assert found[2].seconds > found[1].seconds > 0
    with pytest.raises(VideoError, match="camera:0 cannot be opened; camera:0 is the first camera"):
        VideoStream("camera:0")
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match=r'camera:1 needs OpenCV: pip install "videomamba\[camera\]"'):
        VideoStream("camera:1")


def test_what_can_be_opened_only_once():
    assert all(map(is_once, ("-", "http://a/b.mp4", "RTSP://a", "camera:0", io.BytesIO())))
    assert not any(map(is_once, ("a.mp4", "camera", "camera:x", "./-", "ftp")))


def test_clock():
    clock = Clock(10.0)
    ticks = [5.0, 5.1, None, 5.3, 5.3, 5.2, 5.3, 9000.0]
    expected = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert [clock(tick, 1e-3) for tick in ticks] == pytest.approx(expected)
    clock.jump(2.0)
    assert clock(1.0, 1e-3) == pytest.approx(2.8)
    assert clock(1.1, 1e-3) == pytest.approx(2.9)
    assumed = Clock(None)
    assert [assumed(tick, float(Fraction(1, 90000))) for tick in (None, None, 0.0, 0.5)] == pytest.approx(
        [0, 0.04, 0.08, 0.58]
    )
    assert not assumed.is_assumed
