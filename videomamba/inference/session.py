"""A model that takes frames as they arrive and says what they show."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from videomamba.checks import check_int
from videomamba.data import eval_transform
from videomamba.errors import UserError
from videomamba.inference.device import resolve_device
from videomamba.inference.windows import window_for
from videomamba.models import PretrainedModel, VideoMamba, load_model
from videomamba.notes import UserNote
from videomamba.tasks.recognition import Recognition

PREPARED = 32  # frames that are resized and normalised together, at most


class Session:
    """Class scores of a video as it arrives, in constant memory.

    Any recogniser looks at the last frames through a sliding window, and each tubelet is embedded once. A causal model
    (``model.config.is_causal``) carries its states instead: each frame costs the same, and the scores are those of all
    frames since the start, equal to the offline model's.

    Args:
        model_or_checkpoint: a model, which is put in evaluation mode on the device, or anything that
            :func:`videomamba.load_model` takes.
        hop: frames that the model sees from one score to the next, a multiple of its tubelet; by default a quarter of
            the window, or one tubelet of a causal model.
        step: source frames from one frame that the model sees to the next; by default the model's own, or 1.
        causal: carry states, or slide a window; by default states where the model allows it.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Attributes:
        labels: names of the classes.
        window: source frames from the first to the last that one score is of; None for all.
        every: source frames from one score to the next.
        at_once: views that :meth:`scores_of` is best given together.
        causal: whether states are carried.

    Raises:
        UserError: no such checkpoint or device, a detector or segmenter, a hop that tubelets do not divide, or
            ``causal`` with a model that needs the whole clip.

    Example:
        >>> session = videomamba.Session("runs/mine", hop=4, step=1)
        >>> frames = torch.randint(256, (14, 3, 48, 64), dtype=torch.uint8)
        >>> session.step(frames).shape  # a window of 8 is full at frame 8, the next at 12
        torch.Size([2, 3])
        >>> session.step(frames[:2]).argmax(-1).shape  # frame 16
        torch.Size([1])
    """

    def __init__(
        self,
        model_or_checkpoint: PretrainedModel | str | Path,
        *,
        hop: int | None = None,
        step: int | None = None,
        causal: bool | None = None,
        device: str = "auto",
    ) -> None:
        where = resolve_device(device)
        given = model_or_checkpoint
        model = given if isinstance(given, PretrainedModel) else load_model(given)
        self._task = Recognition(model.labels)
        self._task.check_model(model)
        self.labels: tuple[str, ...] = model.labels
        self.model = model.to(where).eval()
        allowed = isinstance(model, VideoMamba) and model.config.is_causal
        self.causal = allowed if causal is None else causal
        if self.causal and not isinstance(model, VideoMamba):
            raise UserError(f"causal=True goes with a causal VideoMamba; this model is {type(model).__name__}")
        self._window = window_for(model, causal=self.causal)
        self.at_once = self._window.at_once
        unit, length = self._window.unit, self._window.length
        self.hop = (unit if length is None else max(1, length // 4 // unit) * unit) if hop is None else hop
        check_int("hop", self.hop, at_least=1)
        if self.hop % unit:
            raise UserError(f"hop={hop}; it must be a multiple of the model's tubelet, {unit} frames")
        self._step = sample_step(model, step)
        self.window = None if length is None else (length - 1) * self._step + 1
        self.every = self.hop * self._step
        self._device, self._prepare = where, eval_transform(model.preprocessing)
        self.reset()

    def reset(self) -> None:
        """Forgets all frames; the next one is the first."""
        self._window.reset()
        self._given = 0  # source frames
        self._seen = 0  # frames that the model has
        self._at = 0  # of these, at the last score
        self._rest: Tensor | None = None  # (3, T, h, w), prepared frames that do not fill a tubelet

    @torch.inference_mode()
    def step(self, frames: Tensor) -> Tensor:
        """The scores that these frames complete.

        Args:
            frames: (N, 3, H, W) uint8, RGB, the next frames of the source, all of them in order; N may be 0.

        Returns:
            (K, C) float32 class probabilities on the CPU, one row for each time that a hop is complete; K may be 0.

        Raises:
            UserError: another shape or dtype.
        """
        views = []
        for part in self._tubelets(frames):
            self._take(part)
            if self.due:
                views.append(self.view())
        parts = [self.scores_of(views[i : i + self.at_once]) for i in range(0, len(views), self.at_once)]
        return torch.cat(parts) if parts else torch.empty(0, len(self.labels))

    @torch.inference_mode()
    def push(self, frames: Tensor) -> None:
        """Takes frames as :meth:`step` does without computing scores; :meth:`scores` then gives the latest."""
        for part in self._tubelets(frames):
            self._take(part)

    @property
    def due(self) -> int:
        """Scores that would have been due since the last one; :meth:`scores` gives the latest of them."""
        if self._at:
            return (self._seen - self._at) // self.hop
        first = self.hop if self._window.length is None else self._window.length
        return max(0, (self._seen - first) // self.hop + 1)

    @property
    def wanted(self) -> int:
        """Frames, after sampling, until the next score is due."""
        return self._until_due - self._waiting

    @property
    def is_full(self) -> bool:
        """Whether the model has as many frames as a score needs."""
        return self._seen >= (self._window.length or self._window.unit)

    def scores(self) -> Tensor:
        """(C,) float32 class probabilities of the frames in view, on the CPU.

        Raises:
            UserError: the window is not full yet.
        """
        return self.scores_of([self.view()])[0]

    @torch.inference_mode()
    def view(self) -> Tensor:
        """What is in view now, for :meth:`scores_of`; counts as the latest score.

        Raises:
            UserError: the window is not full yet.
        """
        if not self.is_full:
            raise UserError(f"{self._seen} frames so far; a score needs {self._window.length or self._window.unit}")
        self._at = self._seen
        return self._window.view()

    @torch.inference_mode()
    def scores_of(self, views: Sequence[Tensor]) -> Tensor:
        """(N, C) float32 class probabilities of N views, which go through the model together, on the CPU."""
        logits = self._window.logits_of(torch.cat(list(views)))
        return self._task.scores(logits.reshape(len(views), 1, -1)).cpu()

    @property
    def missing(self) -> int:
        """Frames, after sampling, that would complete a tubelet and, at the start, the window."""
        unit = self._window.unit
        there = self._seen + self._waiting
        return max((self._window.length or unit) - there, -there % unit)

    def state_dict(self) -> dict[str, Tensor]:
        """All that is kept of the frames so far; a session of the same model and options goes on from it."""
        kept = {f"window.{name}": value for name, value in self._window.state_dict().items()}
        kept["counts"] = torch.tensor([self._given, self._seen, self._at])
        return kept if self._rest is None else {**kept, "rest": self._rest}

    def load_state_dict(self, kept: dict[str, Tensor]) -> None:
        """Goes on from what :meth:`state_dict` gave."""
        window = {n.removeprefix("window."): x.to(self._device) for n, x in kept.items() if n.startswith("window.")}
        self._window.load_state_dict(window)
        self._given, self._seen, self._at = kept["counts"].tolist()
        self._rest = kept.get("rest")

    @property
    def _waiting(self) -> int:
        """Prepared frames that do not fill a tubelet."""
        return 0 if self._rest is None else self._rest.shape[1]

    @property
    def _until_due(self) -> int:
        """Frames of whole tubelets until the next score is due."""
        if self._at:
            return self.hop - (self._seen - self._at) % self.hop
        first = self.hop if self._window.length is None else self._window.length
        return first - self._seen if self._seen < first else self.hop - (self._seen - first) % self.hop

    def _tubelets(self, frames: Tensor) -> Iterator[Tensor]:
        """Prepared frames (3, T, h, w) that the model is to see, in whole tubelets; a part ends where a score is due.

        Raises:
            UserError: another shape or dtype.
        """
        if frames.dim() != 4 or frames.shape[1] != 3 or frames.dtype != torch.uint8:
            raise UserError(
                f"frames of {frames.dtype} and shape {tuple(frames.shape)}; a session takes (N, 3, H, W) uint8"
            )
        first = -self._given % self._step
        self._given += len(frames)
        for some in frames[first :: self._step].split(PREPARED):
            if not len(some):
                return
            video = self._prepare(some)
            video = video if self._rest is None else torch.cat((self._rest, video), 1)
            whole = video.shape[1] // self._window.unit * self._window.unit
            self._rest = video[:, whole:].clone() if whole < video.shape[1] else None
            at = 0
            while at < whole:
                count = min(self._until_due, whole - at)
                yield video[:, at : at + count]
                at += count

    def _take(self, video: Tensor) -> None:
        self._window.push(video[None].to(self._device))
        self._seen += video.shape[1]


def sample_step(model: PretrainedModel, step: int | None) -> int:
    """Source frames from one frame that the model sees to the next: as given, the model's own, or 1 with a note.

    Raises:
        UserError: a step below one.
    """
    if step is not None:
        check_int("step", step, at_least=1)
        return step
    if model.preprocessing.stride is not None:
        own: int = model.preprocessing.stride
        return own
    warnings.warn(
        UserNote(
            "the model was trained on frames spread evenly over whole videos; here it sees every frame, and step "
            "(--step N) makes that every N-th: N source frames apart, as in its training videos"
        ),
        stacklevel=3,
    )
    return 1
