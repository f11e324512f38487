"""What a model says of one source: one class for all tasks, to print, plot and save."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videomamba.errors import UserError
from videomamba.files import PICTURES, whole_file, write_text
from videomamba.preprocessing import Preprocessing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ClassScore:
    """One class for a whole clip.

    Attributes:
        label: name of the class.
        index: of the model's output.
        probability: from 0 to 1.
    """

    label: str
    index: int
    probability: float


@dataclass(frozen=True)
class ActionBox:
    """What one person does.

    Attributes:
        box: x1, y1, x2, y2 as fractions of the picture.
        box_score: from the file of boxes or Faster R-CNN, from 0 to 1.
        actions: all classes, the most likely first; several may apply.
    """

    box: tuple[float, float, float, float]
    box_score: float
    actions: tuple[ClassScore, ...]


@dataclass(frozen=True)
class Keyframe:
    """The boxes of one moment.

    Attributes:
        timestamp: from the file of boxes, or a running number.
        frame: index of the frame.
        seconds: when it is shown.
        boxes: of the people in it.
    """

    timestamp: int
    frame: int
    seconds: float
    boxes: tuple[ActionBox, ...]


@dataclass(frozen=True)
class Segment:
    """A stretch of one action.

    Attributes:
        label, index: of the class.
        start, end: features, end excluded.
        probability: mean over the stretch.
        start_seconds, end_seconds: None if the rate of the features is unknown.
    """

    label: str
    index: int
    start: int
    end: int
    probability: float
    start_seconds: float | None = None
    end_seconds: float | None = None

    def bar(self, in_seconds: bool) -> tuple[str, float, float]:
        """Label, begin and end, for a timeline."""
        if in_seconds and self.start_seconds is not None and self.end_seconds is not None:
            return self.label, self.start_seconds, self.end_seconds
        return self.label, self.start, self.end


@dataclass(frozen=True)
class Result:
    """What a model predicts for one source, or why it could not.

    Attributes:
        path: of the source, or a description if it is not a file.
        error: one line, or None.
        top_k: of a recogniser, the best classes first.
        keyframes: of a detector.
        segments: of a segmenter.
        preprocessing: of the model, to show the frames that it saw.

    Example:
        >>> (result,) = videomamba.predict("runs/mine", "clip.mp4", top_k=1)
        >>> list(result.to_dict())
        ['path', 'predictions']
        >>> result.save("result.png")
    """

    path: str
    error: str | None = None
    top_k: tuple[ClassScore, ...] = ()
    keyframes: tuple[Keyframe, ...] = ()
    segments: tuple[Segment, ...] = ()
    preprocessing: Preprocessing | None = None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: ``path`` and ``error``, or ``path`` and ``predictions``, ``keyframes`` or ``segments``."""
        if self.error is not None:
            return {"path": self.path, "error": self.error}
        if self.keyframes:
            return {"path": self.path, "keyframes": [asdict(keyframe) for keyframe in self.keyframes]}
        if self.segments:
            return {"path": self.path, "segments": [_without_none(asdict(segment)) for segment in self.segments]}
        return {"path": self.path, "predictions": [asdict(score) for score in self.top_k]}

    def plot(self) -> "Figure":
        """A figure: the frames that the model saw above the predicted classes, the boxes, or the segments over time.

        Raises:
            UserError: there is only an error to show.
            VideoError: the video's file is gone.
        """
        from videomamba.viz.result import boxes_figure, classes_figure  # matplotlib is slow to import
        from videomamba.viz.timeline import timeline_figure

        if self.error is not None:
            raise UserError(f"nothing to plot: {self.error}")
        if self.segments:
            in_seconds = self.segments[0].end_seconds is not None
            bars = [segment.bar(in_seconds) for segment in self.segments]
            return timeline_figure({"prediction": bars}, unit="seconds" if in_seconds else "frames")
        if self.keyframes:
            return boxes_figure(self._frames([k.frame for k in self.keyframes[:4]]), self.keyframes[:4])
        frames = None if self.preprocessing is None or not Path(self.path).is_file() else self._seen()
        return classes_figure(frames, self.top_k, title=Path(self.path).name)

    def save(self, path: str | Path) -> None:
        """Writes ``path``: .json (:meth:`to_dict`) or a picture (.png, .pdf, .svg, :meth:`plot`).

        Raises:
            UserError: another suffix.
        """
        file = Path(path)
        if file.suffix == ".json":
            write_text(file, json.dumps(self.to_dict(), indent=2) + "\n")
        elif file.suffix in PICTURES:
            figure = self.plot()
            with whole_file(file) as temporary:
                figure.savefig(temporary, format=file.suffix[1:], dpi=120)
        else:
            raise UserError(f"{file}: end it in .json, {', '.join(PICTURES)}")

    def _seen(self) -> Any:
        from videomamba.data import load_clip

        assert self.preprocessing is not None
        return load_clip(self.path, self.preprocessing).frames.numpy()

    def _frames(self, indices: list[int]) -> Any:
        from videomamba.data.datasets.keyframe_clips import open_frames

        with open_frames(Path(self.path), fps=None) as reader:
            return reader.read(indices, short_side=360).frames.numpy()


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
