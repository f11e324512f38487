"""Boxes of people from a detector, for AVA's keyframes: csv or json."""

import math
import pickle
from collections import defaultdict
from pathlib import Path

from videomamba.data.datasets.ava_files import BoxRow, FrameKey, read_rows, whole_number
from videomamba.data.datasets.ava_rows import BadRow, Problem
from videomamba.data.names import video_name
from videomamba.errors import UserError
from videomamba.files import read_json

ScoredBox = tuple[tuple[float, float, float, float], float]


def read_person_boxes(path: str | Path, *, threshold: float) -> tuple[dict[FrameKey, list[ScoredBox]], list[BadRow]]:
    """Boxes (x1, y1, x2, y2 as fractions, score) by keyframe, those with at least ``threshold``; and bad rows.

    A box that a keyframe has several times, as annotations and detections of actions have one for each action, counts
    once, with its highest score.

    A csv has rows ``video,timestamp,x1,y1,x2,y2[,action],score``, the score last. A json file has an object with keys
    ``"video,timestamp"`` and lists of ``[x1, y1, x2, y2, score]``: what mmaction2's pickles hold.

    Raises:
        UserError: not readable, a pickle, or nothing of this kind.
    """
    path = Path(path)
    if path.suffix in (".pkl", ".pickle") or _is_pickle(path):
        raise UserError(
            f"{path} is a pickle, which may run any program when it is read: turn it into a csv with "
            f"`videomamba convert {path} {path.with_suffix('.csv').name}`, which reads numbers and nothing else"
        )
    rows, bad = _from_json(path) if path.suffix == ".json" else read_rows(path, scores_last=True)
    boxes: dict[FrameKey, dict[tuple[float, float, float, float], float]] = defaultdict(dict)
    for line, row in rows:
        problem = box_problem(row.box)
        if problem:
            bad.append(BadRow(path, line, *problem))
        elif row.score >= threshold:
            there = boxes[row.key]
            there[row.box] = max(row.score, there.get(row.box, row.score))
    return {key: list(there.items()) for key, there in boxes.items()}, bad


def box_problem(box: tuple[float, float, float, float]) -> Problem | None:
    """Why a box, as fractions of the picture, cannot be used; None for one that can. Rounding may exceed 0 and 1 by
    0.001."""
    x1, y1, x2, y2 = box
    if min(box) < -1e-3 or max(box) > 1 + 1e-3:
        return Problem(f"box {x1:g},{y1:g},{x2:g},{y2:g} is outside the picture (0 to 1)", "with a box outside")
    if x2 <= x1 or y2 <= y1:
        return Problem(f"box {x1:g},{y1:g},{x2:g},{y2:g} is empty (x2 <= x1 or y2 <= y1)", "with an empty box")
    return None


def _from_json(path: Path) -> tuple[list[tuple[int, BoxRow]], list[BadRow]]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise UserError(f'{path}: expected an object {{"video,timestamp": [[x1, y1, x2, y2, score], ...]}}')
    rows: list[tuple[int, BoxRow]] = []
    bad: list[BadRow] = []
    number = 0
    for key, listed in content.items():
        for entry in listed if isinstance(listed, list) else [listed]:
            number += 1
            try:
                rows.append((number, _row(key, entry)))
            except (TypeError, ValueError, OverflowError) as error:
                bad.append(BadRow(path, number, f"{key}: {error}"))
    return rows, bad


def _row(key: str, entry: object) -> BoxRow:
    """
    Raises:
        UserError: it is no list of four or five finite numbers, or its key no video and timestamp.
    """
    if not isinstance(entry, list) or not all(type(value) in (int, float) for value in entry):
        raise UserError(f"{str(entry)[:40]} is no list of numbers")
    values = [float(value) for value in entry]
    if len(values) not in (4, 5) or not all(map(math.isfinite, values)):
        raise UserError(f"{str(entry)[:80]}: expected x1, y1, x2, y2 and a score")
    video, _, timestamp = key.rpartition(",")
    x1, y1, x2, y2, *score = values
    return BoxRow(video_name(video), whole_number(timestamp), (x1, y1, x2, y2), None, score[0] if score else 1.0)


def _is_pickle(path: Path) -> bool:
    if not path.is_file():  # a pipe gives its first byte once
        return False
    try:
        with path.open("rb") as file:
            return file.read(1) == pickle.PROTO
    except OSError:
        return False  # its reader says why
