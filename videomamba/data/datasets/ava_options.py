"""How AVA's files are read, and which boxes are used."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from videomamba.checks import check_choice
from videomamba.data.frame_folder import ASSUMED_FPS
from videomamba.data.frame_times import FASTEST, SLOWEST
from videomamba.data.keyframes import Keyframes
from videomamba.errors import UserError

TrainBoxes = Literal["truth", "detected", "both"]
Unlabeled = Literal["negative", "ignore"]


@dataclass(frozen=True)
class AvaOptions:
    """The options of the layout ``ava``.

    Attributes:
        keyframes: how a timestamp becomes a frame: ``ava``, ``ORIGIN:SPACING`` or ``even:N``, see
            :class:`videomamba.data.keyframes.Keyframes`.
        fps: pictures a second of frame folders; without it 30 are assumed, which ``notes`` say.
        train_detections, test_detections: files of a detector's boxes, see
            :func:`videomamba.data.datasets.ava_boxes.read_person_boxes`. Without the second, tests use the ground-truth
            boxes and say so.
        score_threshold: detected boxes below it are not used.
        train_boxes: the annotated boxes, the detected ones with the labels of the annotated box that they overlap most
            (by half at least), or both.
        unlabeled: a detected training box that overlaps no annotated one shows no action (``negative``), or is left out
            (``ignore``).
        box_jitter: training boxes' sides move by up to this share of the box's size.
        bad_rows: csv file to list all rows in that could not be used.
    """

    keyframes: str = "ava"
    fps: float | None = None
    train_detections: Path | None = None
    test_detections: Path | None = None
    score_threshold: float = 0.8
    train_boxes: TrainBoxes | None = None
    unlabeled: Unlabeled = "negative"
    box_jitter: float = 0.0
    bad_rows: Path | None = None

    def __post_init__(self) -> None:
        Keyframes.parse(self.keyframes)
        for name in ("fps", "score_threshold", "box_jitter"):
            if getattr(self, name) is None:
                continue
            try:
                object.__setattr__(self, name, float(getattr(self, name)))
            except ValueError:
                raise UserError(f"{name}={getattr(self, name)!r} is not a number") from None
        for name in ("train_detections", "test_detections", "bad_rows"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, Path(getattr(self, name)))
        if self.train_boxes is None:
            object.__setattr__(self, "train_boxes", "truth" if self.train_detections is None else "both")
        for name, allowed in (("train_boxes", TrainBoxes), ("unlabeled", Unlabeled)):
            check_choice(name, getattr(self, name), get_args(allowed))
        if self.train_boxes != "truth" and self.train_detections is None:
            raise UserError(f"train_boxes={self.train_boxes} needs train_detections, the file with a detector's boxes")
        if not SLOWEST <= self.folder_fps <= FASTEST or not 0 <= self.box_jitter < 0.5:
            raise UserError(
                f"fps={self.folder_fps} must be from {SLOWEST:g} to {FASTEST:g} and box_jitter={self.box_jitter} from "
                "0 to below 0.5"
            )

    @property
    def folder_fps(self) -> float:
        """Pictures a second of frame folders, given or assumed."""
        return ASSUMED_FPS if self.fps is None else self.fps
