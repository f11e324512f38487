"""Boxes of people from a detector, for AVA's keyframes: csv or json."""

import json
import pickle
from collections import defaultdict
from pathlib import Path

from videomamba.data.datasets.ava_files import BadRow, BoxRow, FrameKey, read_rows, whole_number
from videomamba.errors import UserError

ScoredBox = tuple[tuple[float, float, float, float], float]


def read_person_boxes(path: str | Path, *, threshold: float) -> tuple[dict[FrameKey, list[ScoredBox]], list[BadRow]]:
    """Boxes (x1, y1, x2, y2 as fractions, score) by keyframe, those with at least ``threshold``; and bad rows.

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
    boxes: dict[FrameKey, list[ScoredBox]] = defaultdict(list)
    for line, row in rows:
        problem = box_problem(row.box)
        if problem:
            bad.append(BadRow(path, line, problem))
        elif row.score >= threshold:
            boxes[row.key].append((row.box, row.score))
    return dict(boxes), bad


def box_problem(box: tuple[float, float, float, float]) -> str | None:
    """Why a box, as fractions of the picture, cannot be used; None for one that can. Rounding may exceed 0 and 1 by
    0.001."""
    x1, y1, x2, y2 = box
    if min(box) < -1e-3 or max(box) > 1 + 1e-3:
        return f"box {x1:g},{y1:g},{x2:g},{y2:g} is outside the picture (0 to 1)"
    if x2 <= x1 or y2 <= y1:
        return f"box {x1:g},{y1:g},{x2:g},{y2:g} is empty (x2 <= x1 or y2 <= y1)"
    return None


def _from_json(path: Path) -> tuple[list[tuple[int, BoxRow]], list[BadRow]]:
    try:
        content = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f'{path}: expected an object {{"video,timestamp": [[x1, y1, x2, y2, score], ...]}}')
    rows: list[tuple[int, BoxRow]] = []
    bad: list[BadRow] = []
    number = 0
    for key, listed in content.items():
        for entry in listed if isinstance(listed, list) else [listed]:
            number += 1
            try:
                video, _, timestamp = key.rpartition(",")
                x1, y1, x2, y2, *score = map(float, entry)
                row = BoxRow(video, whole_number(timestamp), (x1, y1, x2, y2), None, score[0] if score else 1.0)
            except (TypeError, ValueError) as error:
                bad.append(BadRow(path, number, f"{key}: {error}"))
                continue
            rows.append((number, row))
    return rows, bad


def _is_pickle(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(1) == pickle.PROTO
    except OSError:
        return False  # its reader says why
