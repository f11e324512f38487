"""Class scores over a video of any length, from windows that slide over its frames."""

import copy
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from videomamba.checks import check_int
from videomamba.data.stream import StreamFrame, VideoStream
from videomamba.errors import UserError
from videomamba.inference.session import PREPARED, Session, sample_step
from videomamba.inference.source import Source, one_source, open_stream
from videomamba.models import PretrainedModel, VideoMamba, load_model


class Moment(NamedTuple):
    """The scores of one window.

    Attributes:
        seconds: when its second half begins; where the class changes there, half of the window shows either.
        start, end: of its first and last frame, in seconds.
        scores: (C,) float32, probabilities.
    """

    seconds: float
    start: float
    end: float
    scores: Tensor


def timeline(
    model_or_checkpoint: PretrainedModel | str | Path,
    source: Source,
    *,
    window: int | None = None,
    stride: int | None = None,
    step: int | None = None,
    device: str = "auto",
) -> Iterator[Moment]:
    """Class scores over a video, as they are made: memory does not depend on its length, which need not be known.

    Each frame is decoded once and each tubelet embedded once; where the length is known, short windows go through the
    model several at a time. The last score is of the last frames; the last frame is repeated to fill a tubelet, or a
    window where the video is shorter than one.

    Args:
        model_or_checkpoint: a recogniser, or anything that :func:`videomamba.load_model` takes.
        source: a video file, a URL, ``-`` (standard input), ``camera:0``, bytes, or a file object.
        window: frames that the model sees at a time; by default its own.
        stride: source frames from one score to the next; by default half a window. A multiple of ``step`` times the
            model's tubelet.
        step: source frames from one frame of a window to the next; by default the model's own, or 1 with a note.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        UserError: no such checkpoint or device, no recogniser, or a window or stride that tubelets do not divide.
        VideoError: the video cannot be read.

    Example:
        >>> for moment in videomamba.timeline("runs/mine", "clip.mp4", step=1, stride=4):
        ...     print(f"{moment.seconds:.1f}", tuple(moment.scores.shape))
        0.4 (3,)
        0.8 (3,)
        1.2 (3,)
        1.6 (3,)
    """
    sliding = Sliding.over(model_or_checkpoint, window=window, stride=stride, step=step, device=device)
    with open_stream(one_source(source)) as stream:
        yield from sliding.moments(stream)


class Sliding:
    """A session that windows slide through, and the times of the frames in view.

    Args:
        session: of every frame that it is given, whatever the source's step.
        step: source frames from one of these to the next.

    Attributes:
        labels: names of the classes.
        window: frames in view.
        stride: source frames from one score to the next.
        next: index of the source frame that comes next.
    """

    def __init__(self, session: Session, step: int) -> None:
        assert session.window is not None
        self.session, self.step = session, step
        self.labels = session.labels
        self.window, self.stride = session.window, session.every * step
        self.next = 0
        self._times: deque[float] = deque(maxlen=self.window)
        self._pictures: list[Tensor] = []  # frames that the session has not been given
        self._views: list[tuple[tuple[float, float, float], Tensor]] = []  # not scored yet
        self._given = True  # all scores that are made
        self._last: Tensor | None = None  # the newest frame, while no score is of it

    @classmethod
    def over(
        cls,
        model_or_checkpoint: PretrainedModel | str | Path,
        *,
        window: int | None = None,
        stride: int | None = None,
        step: int | None = None,
        device: str = "auto",
    ) -> "Sliding":
        """See :func:`timeline`."""
        given = model_or_checkpoint
        model = given if isinstance(given, PretrainedModel) else load_model(given)
        if window is not None:
            model = _with_window(model, window)
        chosen = sample_step(model, step)
        unit = model.config.tubelet_size if isinstance(model, VideoMamba) else 1
        hop = None
        if stride is not None:
            check_int("stride", stride, at_least=1)
            if stride % (chosen * unit):
                raise UserError(
                    f"stride={stride}; it must be a multiple of {chosen * unit}, the model's tubelet ({unit}) times "
                    f"step ({chosen})"
                )
            hop = stride // chosen
        elif isinstance(model, VideoMamba):
            hop = max(1, model.config.num_frames // 2 // unit) * unit
        return cls(Session(model, hop=hop, step=1, causal=False, device=device), chosen)

    def moments(
        self,
        stream: VideoStream,
        *,
        on_frame: Callable[[StreamFrame], None] | None = None,
        short_side: int | None = None,
    ) -> Iterator[Moment]:
        """The scores of a stream from the frame ``next`` on.

        Args:
            stream: newly opened.
            on_frame: is given every frame of the source, from the first one, before the scores that it completes,
                which then come at once; without it only the frames that the model sees become pictures.
            short_side: see :meth:`videomamba.data.stream.VideoStream.frames`; by default what the model needs.
        """
        side = self.session.model.preprocessing.decoded_side if short_side is None else short_side
        begin = self.next
        at_once = 1 if on_frame or stream.is_live or stream.seconds is None else self.session.at_once
        frames = stream.frames(step=1 if on_frame else self.step, first=0 if on_frame else begin, short_side=side)
        for frame in frames:
            if on_frame is not None:
                on_frame(frame)
            if frame.index < begin or frame.index % self.step:
                continue
            if frame.is_new_start:
                yield from self._finish()
                self.session.reset()
                self._times.clear()
            self.next = frame.index + 1  # before the scores, at which the state may be asked for
            self._take(frame.picture, frame.seconds)
            if len(self._views) >= at_once:
                yield from self._moments()
        yield from self._finish()

    @property
    def is_even(self) -> bool:
        """Whether a score of every full window so far was given: only then is there a state to go on from."""
        return self._given and not self._views and not self._pictures

    def state_dict(self) -> dict[str, Tensor]:
        """All that is kept between two scores, where ``is_even``; :meth:`load_state_dict` goes on from there."""
        assert self.is_even
        times = torch.tensor(list(self._times), dtype=torch.float64)
        return {**self.session.state_dict(), "times": times, "next": torch.tensor(self.next)}

    def load_state_dict(self, kept: dict[str, Tensor]) -> None:
        """Goes on from what :meth:`state_dict` gave."""
        self.session.load_state_dict(kept)
        self._times.extend(kept["times"].tolist())
        self.next = int(kept["next"])

    def _take(self, picture: Tensor, seconds: float) -> None:
        self._times.append(seconds)
        self._last = picture
        self._pictures.append(picture)
        if len(self._pictures) < min(self.session.wanted, PREPARED):
            return
        self._push()
        if self.session.due:
            self._last = None
            self._see()

    def _push(self) -> None:
        """Gives the session the frames that wait for it: preparing several together is faster."""
        if self._pictures:
            self.session.push(torch.stack(self._pictures))
        self._pictures = []

    def _finish(self) -> Iterator[Moment]:
        """The scores that are not given yet, and the last window, unless a score is of the last frame already."""
        self._push()
        if self._last is not None:
            last = self._last
            for _ in range(self.session.missing):
                self._times.append(self._times[-1])
                self.session.push(last[None])
            self._last = None
            self._see()
        if self._views:
            yield from self._moments()

    def _see(self) -> None:
        """Keeps what is in view, to be scored."""
        times = (self._times[len(self._times) // 2], self._times[0], self._times[-1])
        self._views.append((times, self.session.view()))

    def _moments(self) -> Iterator[Moment]:
        """The scores of what is kept."""
        times, views = zip(*self._views, strict=True)
        self._views = []
        scores = self.session.scores_of(views)
        for i, ((seconds, start, end), row) in enumerate(zip(times, scores, strict=True), 1):
            self._given = i == len(times)
            yield Moment(seconds, start, end, row)


def _with_window(model: PretrainedModel, window: int) -> PretrainedModel:
    """The model for windows of another length.

    Raises:
        UserError: the model has one length only, or its tubelets do not divide this one.
    """
    check_int("window", window, at_least=1)
    if window == model.preprocessing.num_frames:
        return model
    if not isinstance(model, VideoMamba):
        raise UserError(f"window={window}: {type(model).__name__} takes {model.preprocessing.num_frames} frames")
    model = copy.deepcopy(model)
    model.set_input_size(num_frames=window)
    return model
