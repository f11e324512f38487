"""AVA 2.2 (arXiv 1705.08421) and data sets in its form: keyframes of videos with boxes of people and their actions.

    DIR/ava_train_v2.2.csv, ava_val_v2.2.csv       video,timestamp,x1,y1,x2,y2,action,person (boxes as fractions)
    DIR/ava_*_excluded_timestamps_v2.2.csv         video,timestamp of keyframes that are left out
    DIR/ava_action_list_v2.2.pbtxt                 the classes; one for_activitynet beside it names those that count
    DIR/frames/VIDEO/{img_00001,VIDEO_000001}.jpg  or DIR/videos/VIDEO.mp4, or either in DIR itself

The csv files and the label map may lie in DIR/annotations.
"""

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videomamba.checks import check_known
from videomamba.data.datasets import ava_layout
from videomamba.data.datasets.ava_boxes import ScoredBox, box_problem, read_person_boxes
from videomamba.data.datasets.ava_files import BoxRow, FrameKey, read_exclusions, read_rows
from videomamba.data.datasets.ava_options import AvaOptions
from videomamba.data.datasets.ava_rows import NO_PICTURE, BadRow, Outside, Problem, rows_left_out
from videomamba.data.frame_folder import ASSUMED_FPS
from videomamba.data.keyframes import Keyframes
from videomamba.data.splits import Part
from videomamba.errors import UserError
from videomamba.tables import write_csv_lines

Box = tuple[float, float, float, float]
Truth = dict[FrameKey, dict[tuple[Box, float], list[int]]]  # keyframe -> box and person -> actions


@dataclass(frozen=True)
class Keyframe:
    """One moment of a video: its annotated boxes with the actions of each, and a detector's boxes."""

    video: str
    timestamp: int
    path: Path
    truth: tuple[tuple[Box, tuple[int, ...]], ...]
    detected: tuple[ScoredBox, ...]


@dataclass(frozen=True)
class BoxAnnotations(Part):
    """Keyframes of one part.

    Attributes:
        records: in the order of video and timestamp.
        class_ids: their numbers in the label map.
        class_names: of the outputs; actions in records are their indices.
        evaluated: indices of the classes that figures are computed of.
        options: as read.
        has_detections: whether there is a file of a detector's boxes for this part.
        bad: rows that could not be used.
        notes: lines for people: rows left out, and what else is out of the ordinary.
    """

    records: tuple[Keyframe, ...]
    class_names: tuple[str, ...]
    class_ids: tuple[int, ...]
    evaluated: frozenset[int]
    options: AvaOptions
    has_detections: bool
    bad: tuple[BadRow, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()

    def rows(self, root: Path) -> list[dict[str, str]]:
        """Video, timestamp and number of annotated and detected boxes of each keyframe."""
        return [
            {
                "video": r.video,
                "timestamp": str(r.timestamp),
                "boxes": str(len(r.truth)),
                "detected": str(len(r.detected)),
            }
            for r in self.records
        ]


def read_ava(root: str | Path, **options: Any) -> dict[str, BoxAnnotations]:
    """Training and test keyframes, ``{"train": ..., "test": ...}``.

    Rows that cannot be used (a box outside the picture or empty, an action that the label map does not have, a video
    that is not there, a timestamp at which it shows nothing) are left out, counted in ``notes`` and listed in ``bad``.

    Args:
        root: the folder, see this module.
        options: fields of :class:`AvaOptions`.

    Raises:
        UserError: files are missing, an option that is none, or a part of whose rows not one can be used.
    """
    root = Path(root)
    check_known("option", options, AvaOptions)
    chosen = AvaOptions(**options)
    if not root.is_dir():
        raise UserError(f"there is no folder {root}")
    folder = root / "annotations" if (root / "annotations").is_dir() else root
    reader = _Reader(folder, ava_layout.videos(root), chosen)
    parts = {"train": reader.part("train", ("train",)), "test": reader.part("test", ("val", "test"))}
    if chosen.bad_rows is not None:
        rows = [(bad.path, bad.line, bad.reason) for part in parts.values() for bad in part.bad]
        write_csv_lines(chosen.bad_rows, [("file", "line", "reason"), *rows])
    return parts


class _Reader:
    """Reads the parts of one data set; asks every video for its length once."""

    def __init__(self, folder: Path, videos: Mapping[str, Path], options: AvaOptions) -> None:
        self.folder, self.videos, self.options = folder, videos, options
        self.names, self.evaluated = ava_layout.classes(folder)
        self.index = {number: i for i, number in enumerate(self.names)}
        self.outside = Outside(videos, Keyframes.parse(options.keyframes), fps=options.folder_fps)

    def part(self, name: str, words: tuple[str, ...]) -> BoxAnnotations:
        """The part whose files have one of the words in their names."""
        excluded = read_exclusions(ava_layout.excluded_file(self.folder, words))
        truth, bad, notes = self._annotated(ava_layout.annotation_file(self.folder, words), excluded)
        detections = self.options.train_detections if name == "train" else self.options.test_detections
        detected: dict[FrameKey, list[ScoredBox]] = {}
        if detections is not None:
            detected, bad_boxes = self._detected(detections, excluded)
            notes += rows_left_out(detections, bad_boxes)
            bad += bad_boxes
        elif name == "test":
            notes.append(
                "no test_detections: tests use the annotated boxes, which makes figures higher than a detector's"
            )
        keys = sorted(set(truth) | set(detected) if name == "test" else truth)
        if self.options.fps is None and any(self.videos[video].is_dir() for video, _ in keys):
            notes.append(
                f"frame folders: {ASSUMED_FPS:g} pictures a second are assumed; the option fps=X says otherwise"
            )
        return BoxAnnotations(
            tuple(self._keyframe(key, truth, detected) for key in keys),
            tuple(self.names.values()),
            tuple(self.names),
            self.evaluated,
            self.options,
            detections is not None,
            tuple(bad),
            tuple(notes),
        )

    def _annotated(self, file: Path, excluded: Set[FrameKey]) -> tuple[Truth, list[BadRow], list[str]]:
        """The annotated boxes with their actions, the rows that cannot be used, and notes.

        Raises:
            UserError: no row can be used.
        """
        rows, bad = read_rows(file)
        total, left_out = len(rows) + len(bad), 0
        truth: Truth = defaultdict(lambda: defaultdict(list))
        for line, row in rows:
            problem = self._unlabeled(row) or box_problem(row.box) or self.outside(row.key)
            if problem:
                bad.append(BadRow(file, line, *problem))
            elif row.key in excluded:
                left_out += 1
            elif row.action is not None:
                truth[row.key][_clipped(row.box), row.score].append(self.index[row.action])
        if not truth:
            why = f", the first {bad[0]}" if bad else ""
            if any(row.kind == NO_PICTURE for row in bad):
                why += "; the option keyframes says how a timestamp becomes a frame: ava, ORIGIN:SPACING or even:N"
            raise UserError(
                f"{file}: none of its {total} rows can be used ({len(bad)} are bad, {left_out} excluded){why}"
            )
        notes = [f"{left_out} rows of {file.name} are in excluded keyframes"] if left_out else []
        return truth, bad, rows_left_out(file, bad, total) + notes

    def _detected(self, file: Path, excluded: Set[FrameKey]) -> tuple[dict[FrameKey, list[ScoredBox]], list[BadRow]]:
        """A detector's boxes, and the rows that cannot be used.

        Raises:
            UserError: no box can be used.
        """
        found, bad = read_person_boxes(file, threshold=self.options.score_threshold)
        detected: dict[FrameKey, list[ScoredBox]] = {}
        for key, boxes in found.items():
            problem = self.outside(key)
            if problem:
                bad.append(BadRow(file, 0, f"{key[0]},{key[1]}: {problem.reason}", problem.kind))
            elif key not in excluded:
                detected[key] = [(_clipped(box), score) for box, score in boxes]
        if not detected:
            why = f", the first bad row {bad[0]}" if bad else ""
            raise UserError(f"{file}: no box with a score of {self.options.score_threshold} or more can be used{why}")
        return detected, bad

    def _unlabeled(self, row: BoxRow) -> Problem | None:
        if row.action is None:
            return Problem("no action", "without an action")
        known = row.action in self.names
        return None if known else Problem(f"action {row.action} is not in the label map", "of unknown actions")

    def _keyframe(self, key: FrameKey, truth: Truth, detected: Mapping[FrameKey, list[ScoredBox]]) -> Keyframe:
        labelled = tuple((box, tuple(labels)) for (box, _), labels in truth.get(key, {}).items())
        return Keyframe(*key, path=self.videos[key[0]], truth=labelled, detected=tuple(detected.get(key, ())))


def _clipped(box: Box) -> Box:
    x1, y1, x2, y2 = (min(1.0, max(0.0, value)) for value in box)
    return x1, y1, x2, y2
