"""A model on a live stream: frames are read in a thread, and frames and scores that are skipped are counted."""

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from videomamba.data.stream import StreamFrame, VideoStream
from videomamba.inference.session import Session

_QUEUE = 64  # frames that wait for the model, at most
_LATENCIES = 4096  # the newest ones, of which percentiles are taken


class LiveScore(NamedTuple):
    """Scores, and how the model keeps up.

    Attributes:
        frame: index of the newest source frame in view.
        seconds: its time in the stream.
        scores: (C,) float32, probabilities.
        latency: seconds from that frame's arrival, decoded, to these scores.
    """

    frame: int
    seconds: float
    scores: Tensor
    latency: float


class LiveRun:
    """Runs a session beside a stream.

    The model sees all frames while it can. Where it is slower than the source it skips scores first, so that windows
    have no gaps, and then drops the oldest frames that wait; both are counted. Where the source was lost and came back,
    the session begins anew. A file or pipe that could be read faster is played at its own pace.

    Args:
        session: of every frame that it is given.
        stream: newly opened.
        step: source frames from one that the session gets to the next.

    Attributes:
        frames: that the session was given.
        count: scores.
        skipped: scores that were left out.
        dropped: frames that were left out.
    """

    def __init__(self, session: Session, stream: VideoStream, *, step: int = 1) -> None:
        self.session, self.stream = session, stream
        self.frames = self.count = self.skipped = self.dropped = 0
        self._step = step
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self._arrivals: deque[float] = deque(maxlen=_QUEUE)
        self._waiting: deque[tuple[float, StreamFrame]] = deque()
        self._ready = threading.Condition()
        self._ended = self._stopped = False
        self._failure: BaseException | None = None

    def __iter__(self) -> Iterator[LiveScore]:
        """Scores as they are made, until the stream ends.

        Raises:
            VideoError: the stream cannot be decoded.
        """
        reader = threading.Thread(target=self._read, name="live-reader", daemon=True)
        reader.start()
        try:
            while batch := self._next():
                for _, frame in batch:
                    if frame.is_new_start:
                        self.session.reset()
                    self.session.push(frame.picture[None])
                self.frames += len(batch)
                if self.session.due:
                    self.skipped += self.session.due - 1
                    arrived, newest = batch[-1]
                    scores = self.session.scores()
                    self._latencies.append(time.monotonic() - arrived)
                    self.count += 1
                    yield LiveScore(newest.index, newest.seconds, scores, self._latencies[-1])
            if self._failure is not None:
                raise self._failure
        finally:
            self._stopped = True
            self.stream.close()  # ends the thread, at once or when its source gives something

    @property
    def fps(self) -> float:
        """Source frames per second that arrive, by the newest ones."""
        times = list(self._arrivals)
        passed = times[-1] - times[0] if len(times) > 1 else 0.0
        return (len(times) - 1) * self._step / passed if passed > 0 else 0.0

    def summary(self) -> dict[str, Any]:
        """Counts, and percentiles of the newest latencies in milliseconds."""
        found = {"frames": self.frames, "scores": self.count, "skipped_scores": self.skipped}
        found |= {"dropped_frames": self.dropped, "reconnects": self.stream.reconnects}
        latencies = 1000 * np.array(self._latencies)
        percentiles = {f"latency_p{p}_ms": round(float(np.percentile(latencies, p)), 1) for p in (50, 95, 99)}
        return {**found, **percentiles} if len(latencies) else found

    def _next(self) -> list[tuple[float, StreamFrame]]:
        """All frames that wait; none when the stream has ended."""
        with self._ready:
            while not self._waiting and not self._ended:
                self._ready.wait()
            batch = list(self._waiting)
            self._waiting.clear()
        return batch

    def _read(self) -> None:
        began = time.monotonic()
        side = self.session.model.preprocessing.decoded_side
        try:
            for frame in self.stream.frames(step=self._step, short_side=side):
                if not self.stream.is_live:
                    time.sleep(max(0.0, began + frame.seconds - time.monotonic()))
                if self._stopped:
                    break
                now = time.monotonic()
                with self._ready:
                    self._waiting.append((now, frame))
                    if len(self._waiting) > _QUEUE:
                        _, lost = self._waiting.popleft()
                        self.dropped += 1
                        if lost.is_new_start:  # the windows begin anew with what comes after it
                            arrived, following = self._waiting[0]
                            self._waiting[0] = arrived, dataclasses.replace(following, is_new_start=True)
                    self._arrivals.append(now)
                    self._ready.notify()
        except BaseException as error:
            self._failure = error
        finally:
            with self._ready:
                self._ended = True
                self._ready.notify()
