"""AVA 2.2 (arXiv 1705.08421) and data sets in its form: keyframes of videos with boxes of people and their actions.

    DIR/ava_train_v2.2.csv, ava_val_v2.2.csv       video,timestamp,x1,y1,x2,y2,action,person (boxes as fractions)
    DIR/ava_*_excluded_timestamps_v2.2.csv         video,timestamp of keyframes that are left out
    DIR/ava_action_list_v2.2.pbtxt                 the classes; one for_activitynet beside it names those that count
    DIR/frames/VIDEO/{img_00001,VIDEO_000001}.jpg  or DIR/videos/VIDEO.mp4, or either in DIR itself

The csv files and the label map may lie in DIR/annotations.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from videomamba.data.annotations import is_video
from videomamba.data.datasets.ava_boxes import ScoredBox, box_problem, read_person_boxes
from videomamba.data.datasets.ava_files import (
    BadRow,
    BoxRow,
    FrameKey,
    read_exclusions,
    read_label_map,
    read_rows,
)
from videomamba.data.frame_folder import ASSUMED_FPS
from videomamba.data.frame_times import FASTEST, SLOWEST
from videomamba.data.keyframes import Keyframes
from videomamba.data.splits import Part
from videomamba.data.video_length import video_seconds
from videomamba.errors import UserError

Box = tuple[float, float, float, float]
TrainBoxes = Literal["truth", "detected", "both"]
Unlabeled = Literal["negative", "ignore"]
_LISTED = 10


@dataclass(frozen=True)
class AvaOptions:
    """How AVA's files are read, and which boxes are used.

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
            if getattr(self, name) not in get_args(allowed):
                raise UserError(f"{name}={getattr(self, name)!r}; choose one of {', '.join(get_args(allowed))}")
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


def read_ava(root: str | Path, *, fold: int | None = None, **options: Any) -> dict[str, BoxAnnotations]:
    """Training and test keyframes, ``{"train": ..., "test": ...}``.

    Rows that cannot be used (a box outside the picture or empty, an action that the label map does not have, a video
    that is not there, a timestamp at which it shows nothing) are left out, counted in ``notes`` and listed in ``bad``.

    Args:
        root: the folder, see this module.
        fold: AVA has one split only.
        options: fields of :class:`AvaOptions`.

    Raises:
        UserError: files are missing, an option that is none, or a part of whose rows not one can be used.
    """
    root = Path(root)
    if fold not in (None, 1):
        raise UserError(f"fold={fold}; AVA has one split only")
    known = [f.name for f in fields(AvaOptions)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UserError(f"unknown option {', '.join(unknown)} of AVA's data; known are {', '.join(known)}")
    chosen = AvaOptions(**options)
    if not root.is_dir():
        raise UserError(f"there is no folder {root}")
    folder = root / "annotations" if (root / "annotations").is_dir() else root
    names, evaluated = _classes(folder)
    videos = _videos(root)
    parts = {
        part: _part(folder, words, names, evaluated, videos, chosen, part)
        for part, words in (("train", ("train",)), ("test", ("val", "test")))
    }
    if chosen.bad_rows is not None:
        with chosen.bad_rows.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("file", "line", "reason"))
            writer.writerows((bad.path, bad.line, bad.reason) for part in parts.values() for bad in part.bad)
    return parts


def _part(
    folder: Path,
    words: tuple[str, ...],
    names: Mapping[int, str],
    evaluated: frozenset[int],
    videos: Mapping[str, Path],
    options: AvaOptions,
    part: str,
) -> BoxAnnotations:
    file = _annotation_file(folder, words)
    rows, bad = read_rows(file)
    total = len(rows) + len(bad)
    excluded = read_exclusions(_excluded_file(folder, words))
    index = {number: i for i, number in enumerate(names)}
    outside = _Outside(videos, options)
    truth: dict[FrameKey, dict[tuple[Box, float], list[int]]] = defaultdict(lambda: defaultdict(list))
    left_out = 0
    for line, row in rows:
        problem = _problem(row, names) or box_problem(row.box) or outside(row.key)
        if problem:
            bad.append(BadRow(file, line, problem))
        elif row.key in excluded:
            left_out += 1
        elif row.action is not None:
            truth[row.key][_clipped(row.box), row.score].append(index[row.action])
    if not truth:
        why = f", the first {bad[0]}" if bad else ""
        if any("timestamp" in row.reason for row in bad):
            why += "; the option keyframes says how a timestamp becomes a frame: ava, ORIGIN:SPACING or even:N"
        raise UserError(f"{file}: none of its {total} rows can be used ({len(bad)} are bad, {left_out} excluded){why}")
    notes = [f"{left_out} rows of {file.name} are in excluded keyframes"] if left_out else []
    detections = options.train_detections if part == "train" else options.test_detections
    detected: dict[FrameKey, list[ScoredBox]] = {}
    if detections is not None:
        found, bad_boxes = read_person_boxes(detections, threshold=options.score_threshold)
        for key, boxes in found.items():
            problem = outside(key)
            if problem:
                bad_boxes.append(BadRow(detections, 0, f"{key[0]},{key[1]}: {problem}"))
            elif key not in excluded:
                detected[key] = [(_clipped(box), score) for box, score in boxes]
        if not detected:
            why = f", the first bad row {bad_boxes[0]}" if bad_boxes else ""
            raise UserError(f"{detections}: no box with a score of {options.score_threshold} or more can be used{why}")
        notes += _listed(detections, bad_boxes)
        bad += bad_boxes
    elif part == "test":
        notes.append("no test_detections: tests use the annotated boxes, which makes figures higher than a detector's")
    keys = sorted(set(truth) | set(detected) if part == "test" else truth)
    if options.fps is None and any(videos[video].is_dir() for video, _ in keys):
        notes.append(f"frame folders: {ASSUMED_FPS:g} pictures a second are assumed; the option fps=X says otherwise")
    records = tuple(
        Keyframe(
            *key,
            path=videos[key[0]],
            truth=tuple((box, tuple(labels)) for (box, _), labels in truth.get(key, {}).items()),
            detected=tuple(detected.get(key, ())),
        )
        for key in keys
    )
    return BoxAnnotations(
        records,
        tuple(names.values()),
        tuple(names),
        evaluated,
        options,
        detections is not None,
        tuple(bad),
        (*_listed(file, [b for b in bad if b.path == file], total), *notes),
    )


class _Outside:
    """Says why a keyframe shows nothing; asks every video for its length once."""

    def __init__(self, videos: Mapping[str, Path], options: AvaOptions) -> None:
        self.videos, self.keyframes, self.fps = videos, Keyframes.parse(options.keyframes), options.folder_fps
        self.lengths: dict[str, float] = {}

    def __call__(self, key: FrameKey) -> str | None:
        video, timestamp = key
        path = self.videos.get(video)
        if path is None:
            return f"there is no video {video!r}"
        if video not in self.lengths:
            self.lengths[video] = video_seconds(path, fps=self.fps)
        length = self.lengths[video]
        seconds = self.keyframes.seconds(timestamp, length, is_folder=path.is_dir())
        if not 0 <= seconds < length + 0.5:  # a length is rounded, and AVA's last second is the clip's end
            return f"timestamp {timestamp} is {seconds:.1f} s into {video}, which is {length:.1f} s long"
        return None


def _problem(row: BoxRow, names: Mapping[int, str]) -> str | None:
    if row.action is None:
        return "no action"
    return None if row.action in names else f"action {row.action} is not in the label map"


def _clipped(box: Box) -> Box:
    x1, y1, x2, y2 = (min(1.0, max(0.0, value)) for value in box)
    return x1, y1, x2, y2


def _classes(folder: Path) -> tuple[dict[int, str], frozenset[int]]:
    """The label map with most classes, and the indices of those that the one for the evaluation has."""
    files = sorted(file for file in folder.iterdir() if ".pbtxt" in file.name)
    if not files:
        raise UserError(f"{folder} has no label map (*.pbtxt), such as ava_action_list_v2.2.pbtxt")
    judged = [file for file in files if "activitynet" in file.name]
    whole = [file for file in files if file not in judged] or judged
    if len(whole) > 1 or len(judged) > 1:
        raise UserError(f"{folder} has several label maps: {', '.join(file.name for file in files)}; leave one")
    names = read_label_map(whole[0])
    counted = read_label_map(judged[0]) if judged else names
    return names, frozenset(i for i, number in enumerate(names) if number in counted)


def _annotation_file(folder: Path, words: tuple[str, ...]) -> Path:
    others = ("excluded", "included", "detect", "box", "proposal", "person", "bad")
    files = [
        file
        for file in sorted(folder.glob("*.csv"))
        if any(word in file.stem.lower().split("_") for word in words)
        and not any(o in file.name.lower() for o in others)
    ]
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise UserError(f"{folder}: expected one csv such as ava_{words[0]}_v2.2.csv, found {found}")
    return files[0]


def _excluded_file(folder: Path, words: tuple[str, ...]) -> Path | None:
    files = (f for f in sorted(folder.glob("*excluded*.csv")) if any(w in f.stem.lower().split("_") for w in words))
    return next(files, None)


def _videos(root: Path) -> dict[str, Path]:
    """Video files by name without suffix, and folders of frames by name; folders win."""
    found: dict[str, Path] = {}
    for place in (root, root / "videos", root / "frames"):
        if place.is_dir():
            found |= {path.stem: path for path in sorted(place.iterdir()) if is_video(path)}
    for place in (root, root / "videos", root / "frames"):
        if place.is_dir():
            found |= {path.name: path for path in place.iterdir() if path.is_dir() and path.name not in _NO_VIDEO}
    return found


_NO_VIDEO = ("annotations", "videos", "frames")


def _listed(file: Path, bad: list[BadRow], total: int | None = None) -> list[str]:
    """Lines for people about rows that are left out: how many of each kind, and the first ones."""
    if not bad:
        return []
    kinds = Counter(_kind(row.reason) for row in bad)
    counted = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    of = "" if total is None else f" of {total}"
    more = [f"  and {len(bad) - _LISTED} more; the option bad_rows=FILE.csv lists all"] if len(bad) > _LISTED else []
    return [
        f"{len(bad)}{of} rows of {file.name} are left out: {counted}",
        *(f"  {row}" for row in bad[:_LISTED]),
        *more,
    ]


def _kind(reason: str) -> str:
    words = {"outside": "with a box outside", "empty": "with an empty box", "no video": "of unknown videos"}
    words |= {"label map": "of unknown actions", "timestamp": "with a timestamp at which there is no video"}
    return next((kind for word, kind in words.items() if word in reason), "unreadable")
