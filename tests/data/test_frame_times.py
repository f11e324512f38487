"""From a time to a frame and back, by the frames' own times."""

import random
from fractions import Fraction

import numpy as np
import pytest

from tests.data.videos import forget_rate, number_of, numbered_frames, write, write_divx
from videomamba.data import VideoReader
from videomamba.data.frame_times import FrameTimes
from videomamba.data.keyframes import Keyframes, centre_frame
from videomamba.data.stream import VideoStream

MS = Fraction(1, 1000)
SCREEN = [i * 40 if i < 25 else 1000 + (i - 25) * 200 for i in range(50)]  # a recording that slows down after a second


def test_a_varying_rate(tmp_path, decoder):
    path = write(tmp_path / "v.mp4", numbered_frames(50), pts=SCREEN)
    with VideoReader(path, decoder=decoder) as reader:
        assert reader.decoder == decoder
        assert [reader.times.index(seconds) for seconds in (0, 1, 2, 3, 4)] == [0, 25, 30, 35, 40]
        assert reader.times[35] == pytest.approx(3.0)
        assert reader.fps == pytest.approx(49 / 5.8)
        assert not reader.times.is_constant
        assert centre_frame(reader, Keyframes.parse("0:1"), 3) == 35


def test_times_begin_at_the_first_frame(tmp_path, decoder):
    path = write(tmp_path / "late.mkv", numbered_frames(20), pts=[5000 + 40 * i for i in range(20)])
    with VideoReader(path, decoder=decoder) as reader:
        assert (reader.times[0], reader.times.index(0.4)) == (0, 10)
        assert reader.read([10]).timestamps.tolist() == pytest.approx([5.4])


@pytest.mark.parametrize("name", ["rec.webm", "rec.mkv"])
def test_a_rate_that_the_header_makes_up(tmp_path, name, decoder):
    """What browsers record: a thousand frames a second by the header, 30 by the frames."""
    random.seed(0)
    pts = [0]
    for _ in range(59):
        pts.append(pts[-1] + random.choice([16, 33, 34, 50, 33, 32]))
    path = write(tmp_path / name, numbered_frames(50).repeat(2, 0)[:60], codec="libvpx", fps=1000, pts=pts)
    forget_rate(path)
    with VideoReader(path, decoder=decoder) as reader:
        assert reader.fps == pytest.approx(29.7, abs=0.05)
        assert reader.times.duration == pytest.approx(pts[-1] / 1000, abs=0.05)


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001), Fraction(12)])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_a_constant_rate_is_the_headers(tmp_path, name, rate):
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    with VideoReader(write(tmp_path / name, numbered_frames(50), fps=rate, codec=codec)) as reader:
        assert reader.fps == pytest.approx(float(rate), rel=1e-4)
        assert reader.times.is_constant
        assert [reader.times.index(i / rate) for i in range(50)] == list(range(50))
        assert reader.times.duration == pytest.approx(50 / rate, abs=2e-3)


def test_frames_count_as_begun_half_a_frame_before():
    times = FrameTimes.of([0, 40, 80, 120, 2120, 2160, 2200], MS, None)
    assert [times.index(seconds) for seconds in (-1, 0.019, 0.021, 0.12, 2.0, 2.099, 2.101, 9)] == [
        0, 0, 1, 3, 3, 3, 4, 6,
    ]  # fmt: skip


def test_a_clock_that_begins_anew_goes_on():
    times = FrameTimes.of([0, 40, 80, 20, 60, 100], MS, 25.0)
    assert times.seconds.tolist() == pytest.approx([0, 0.04, 0.08, 0.12, 0.16, 0.20])
    assert times.fps == 25


@pytest.mark.parametrize(("ticks", "header", "fps", "assumed"), [
    ([0, 1, 2], 25.0, 25, False),  # a million frames a second by their times
    ([0, 1, 2], 1e6, 25, True),
    ([0, 0, 0], None, 25, True),
    ([5], 90_000.0, 25, True),  # a single picture's clock is no rate
    ([5], 30.0, 30, False),
    ([0, 2**60], 30.0, 30, False),
])  # fmt: skip
def test_absurd_rates(ticks, header, fps, assumed):
    times = FrameTimes.of(ticks, Fraction(1, 1_000_000), header)
    assert (times.fps, times.is_assumed) == (fps, assumed)
    assert np.isfinite(times.seconds).all()
    assert times.duration < 1


@pytest.mark.parametrize("empty", [(), (1,), (1, 10, 11)], ids=str)
@pytest.mark.parametrize("name", ["divx.avi", "divx.mkv", "divx.mp4", "divx.nut"])
def test_packed_b_frames(tmp_path, name, empty):
    """48 frames of DivX at 30 a second were counted at 12.3."""
    with VideoReader(write_divx(tmp_path / name, numbered_frames(30), fps=30, empty=empty)) as reader:
        assert [number_of(frame) for frame in reader.read(range(reader.num_frames)).frames] == [*range(30)]
        assert reader.fps == pytest.approx(29 / (29 + len(empty[1:])) * 30, rel=2e-3)
        assert np.diff(reader.times.seconds)[:6] == pytest.approx([1 / 30] * 6, abs=2e-3)
    with VideoStream(tmp_path / name) as stream:
        assert [frame.seconds for frame in stream.frames()][:6] == pytest.approx(reader.times.seconds[:6].tolist())


@pytest.mark.parametrize("name", ["empty.avi", "empty.mkv", "empty.mp4"])
def test_packets_that_show_nothing_are_no_frames(tmp_path, name):
    path = write_divx(tmp_path / name, numbered_frames(30)[::2], empty=(6, 9), packed=False)
    with VideoReader(path) as reader:
        assert [number_of(frame) for frame in reader.read(range(reader.num_frames)).frames] == [*range(0, 30, 2)]


@pytest.mark.shared
def test_an_avi_of_hmdb51(shared_data):
    with VideoReader(shared_data / "clips/TrumanShow_wave_f_nm_np1_fr_med_26.avi") as reader:
        assert (reader.num_frames, reader.fps) == (48, 30)
        assert reader.times.is_constant
