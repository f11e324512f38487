"""Live: scores of the newest frames, counts of what was too much, and streams that come back."""

import threading
import time

import pytest
import torch

from tests.colours import colour_frames
from tests.data.server import served
from tests.data.videos import write
from videomamba.data import VideoError
from videomamba.data.stream import StreamFrame, VideoStream
from videomamba.inference.live import LiveRun
from videomamba.inference.session import Session
from videomamba.models import load_model


def session(colours, **options):
    return Session(load_model(colours), **{"hop": 2, "step": 1, **options})


@pytest.fixture
def film(tmp_path):
    """2 s of red, blue and green."""
    return write(tmp_path / "film.ts", colour_frames(["red", "blue", "green"], each=10), fps=15)


def test_a_file_is_played_at_its_own_pace(colours, film):
    with VideoStream(film) as stream:
        run = LiveRun(session(colours), stream)
        began = time.monotonic()
        scores = list(run)
        assert 1.9 < time.monotonic() - began < 6
    labels = [run.session.labels[int(score.scores.argmax())] for score in scores]
    assert list(dict.fromkeys(labels)) == ["red", "blue", "green"]
    summary = run.summary()
    assert summary["frames"] + summary["dropped_frames"] == 30
    assert summary["scores"] + summary["skipped_scores"] == (30 - 4) // 2 + 1 or summary["skipped_scores"]
    assert 0 < summary["latency_p50_ms"] <= summary["latency_p95_ms"] <= summary["latency_p99_ms"]
    assert run.fps == pytest.approx(15, rel=0.2)


class Burst:
    """A live source that sends frames as fast as they are taken."""

    is_live, reconnects, name, fps = True, 0, "burst", None

    def __init__(self, count, new_start_at=None):
        self._count, self._new = count, new_start_at

    def close(self):
        """Nothing is open."""

    def frames(self, *, step=1, short_side=None):
        picture = torch.zeros(3, 32, 32, dtype=torch.uint8)
        for i in range(self._count):
            yield StreamFrame(i, i / 1000, picture, i == self._new)


def test_a_slow_model_skips_scores_and_then_frames(colours):
    slow = session(colours)
    scores, first = slow.scores, threading.Event()

    def wait():
        if not first.is_set():
            first.set()
            time.sleep(0.8)
        return scores()

    slow.scores = wait
    run = LiveRun(slow, Burst(500))
    count = len(list(run))
    summary = run.summary()
    assert summary["frames"] + summary["dropped_frames"] == 500
    assert summary["dropped_frames"] > 300
    assert summary["skipped_scores"] > 0
    assert summary["scores"] == count


def test_a_new_start_begins_anew(colours):
    one = session(colours)
    resets = []
    reset = one.reset
    one.reset = lambda: (resets.append(1), reset())
    list(LiveRun(one, Burst(20, new_start_at=9)))
    assert resets == [1]


def test_a_new_start_that_is_dropped_still_begins_anew(colours):
    one = session(colours)
    resets, began = [], threading.Event()
    push = one.push

    def wait(frames):
        if not began.is_set():
            began.set()
            time.sleep(0.3)
        return push(frames)

    one.push, one.reset = wait, lambda: resets.append(1)
    run = LiveRun(one, Burst(400, new_start_at=200))
    list(run)
    assert run.dropped > 200
    assert resets == [1]


def test_what_the_reader_meets_is_raised(colours, tmp_path):
    class Failing(Burst):
        def frames(self, **_):
            yield from super().frames()
            raise VideoError("it broke")

    with pytest.raises(VideoError, match="it broke"):
        list(LiveRun(session(colours), Failing(8)))


def test_a_server_that_is_restarted(colours, film):
    with served(film, "chunked", -2.0) as server:
        with VideoStream(server.url, timeout=2, reconnect=10, endless=True) as stream:
            run = LiveRun(session(colours), stream)
            for score in run:
                if score.frame == 12 or (score.frame > 12 and stream.reconnects == 0 and server.process.poll() is None):
                    server.kill()
                    threading.Timer(0.5, server.start).start()
                if stream.reconnects and score.frame > 60:
                    break
        assert stream.reconnects == 1
        assert run.summary()["reconnects"] == 1
