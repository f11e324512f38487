"""A timeline from a source to its files: saved on the way, resumed, and drawn as a film."""

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch

from videomamba.data.stream import StreamFrame, is_once
from videomamba.inference.film import SHORT_SIDE, CaptionedFilm
from videomamba.inference.source import Source, name_of, open_stream
from videomamba.inference.timeline import Sliding
from videomamba.inference.timeline_files import TimelineFiles
from videomamba.models import PretrainedModel

_SAVE = 5.0  # seconds from one saved state to the next

Rows = Iterator[tuple[tuple[float, ...], np.ndarray]]


def run_timeline(
    source: Source,
    sliding: Sliding,
    files: TimelineFiles,
    *,
    film: Path | None = None,
    resume: bool = False,
    reconnect: float = 10.0,
    on_seconds: Callable[[float, float | None], None] | None = None,
) -> None:
    """Fills the csv, one row at a time, and the film where one is wanted.

    After a crash, a kill or Ctrl-C, ``resume`` goes on with a file's rows: the csv is then byte for byte that of an
    uninterrupted run. The frames before are decoded again, and not shown to the model.

    Args:
        source: one video.
        sliding: new.
        files: where the rows go.
        film: an mp4 to write; it appears when it is complete, also where a stream is ended by Ctrl-C.
        resume: go on with an unfinished csv, if there is one.
        reconnect: see :class:`videomamba.data.stream.VideoStream`.
        on_seconds: called with the seconds done, and of the whole video or None.

    Raises:
        UserError: an unfinished csv and no ``resume``, or one of something else.
        VideoError: the video cannot be read.
        KeyboardInterrupt: Ctrl-C; the rows so far are in the csv.
    """
    interrupted = False
    with ExitStack() as stack:
        stream = stack.enter_context(open_stream(source, reconnect=reconnect))
        done: Rows = iter(())
        if resume and files.state.is_file():
            sliding.load_state_dict(files.go_on())
            done = itertools.islice(files.rows(), files.count)
        else:
            files.begin(None if is_once(source) else sliding.state_dict())
        stack.callback(files.close)
        drawn = None if film is None else stack.enter_context(CaptionedFilm(film, sliding.labels, stream.fps))
        on_frame = None if drawn is None else _captions(drawn, done)
        saved = -float("inf")
        try:
            for moment in sliding.moments(stream, on_frame=on_frame, short_side=None if film is None else SHORT_SIDE):
                files.add(moment)
                if drawn is not None:
                    drawn.score(moment.seconds, moment.scores.numpy())
                if sliding.is_even and not is_once(source) and time.monotonic() - saved > _SAVE:
                    files.save(sliding.state_dict())
                    saved = time.monotonic()
                if on_seconds is not None:
                    on_seconds(moment.end, stream.seconds)
        except KeyboardInterrupt:
            if not is_once(source):
                raise
            interrupted = True  # what is there of a stream is all that there will be: the film is completed
    if interrupted:
        raise KeyboardInterrupt


def _captions(film: CaptionedFilm, done: Rows) -> Callable[[StreamFrame], None]:
    """Gives the film each frame, with the scores that were there before this run where they are due."""
    waiting = next(done, None)

    def on_frame(frame: StreamFrame) -> None:
        nonlocal waiting
        while waiting is not None and waiting[0][2] < frame.seconds:
            film.score(waiting[0][0], waiting[1].astype(np.float32))
            waiting = next(done, None)
        film.frame(frame)

    return on_frame


def facts_of(source: Source, checkpoint: str, sliding: Sliding) -> dict[str, Any]:
    """What a timeline is of; it is resumed only for the same."""
    size = Path(name_of(source)).stat().st_size if isinstance(source, Path) and source.is_file() else None
    options = {"window": sliding.window, "stride": sliding.stride, "step": sliding.step}
    weights = _hash(sliding.session.model)
    return {"video": name_of(source), "bytes": size, "model": checkpoint, "weights": weights, **options}


def _hash(model: PretrainedModel) -> str:
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
