"""Frame mAP at IoU 0.5 as AVA's official evaluator computes it (ActivityNet's ``get_ava_performance.py``).

Quirks that are kept, because published figures have them:

- of a frame's detections, of all classes together, only the 50 with the highest scores count;
- a detection may match only the ground-truth box that it overlaps most, even where that one is taken already and
  another one overlaps enough: a duplicate is a false positive;
- detections with x2 <= x1 or y2 <= y1 are dropped, ground truth with such boxes stays and cannot be found;
- frames that have detections and no ground truth count (false positives), excluded frames do not count at all;
- detections of equal score are ordered as numpy's default sort leaves them, which may differ between processors where
  a right and a wrong one have exactly the same score;
- a class without ground truth has no AP (nan) and is left out of the mean; one without detections has 0.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CAPACITY = 50  # detections of a frame that count
IOU = 0.5  # least overlap of a right detection

Frame = tuple[str, int]
Floats = NDArray[np.float64]


class FrameBoxes(NamedTuple):
    """Boxes of one frame, best score first: (N, 4) x1, y1, x2, y2; (N,) class ids; (N,) scores."""

    boxes: Floats
    labels: NDArray[np.int64]
    scores: Floats


def frame_average_precision(
    ground_truth: Mapping[Frame, FrameBoxes],
    detections: Mapping[Frame, FrameBoxes],
    class_ids: Iterable[int],
) -> dict[int, float]:
    """AP of each class over all frames; nan for a class without ground truth.

    Args:
        ground_truth, detections: by frame, of :func:`group_by_frame`.
        class_ids: the classes asked for.
    """
    scores: dict[int, list[Floats]] = defaultdict(list)
    right: dict[int, list[NDArray[np.bool_]]] = defaultdict(list)
    for frame, found in detections.items():
        truth = ground_truth.get(frame)
        solid = (found.boxes[:, 0] < found.boxes[:, 2]) & (found.boxes[:, 1] < found.boxes[:, 3])
        for label in np.unique(found.labels[solid]):
            mine = solid & (found.labels == label)
            theirs = np.empty((0, 4)) if truth is None else truth.boxes[truth.labels == label]
            right[int(label)].append(_matches(found.boxes[mine], theirs))
            scores[int(label)].append(found.scores[mine])
    counts: dict[int, int] = defaultdict(int)
    for truth in ground_truth.values():
        for label in truth.labels:
            counts[int(label)] += 1
    return {
        label: _average_precision(scores.get(label, []), right.get(label, []), counts[label])
        if counts.get(label)
        else math.nan
        for label in class_ids
    }


def mean_average_precision(average_precision: Mapping[int, float]) -> float:
    """The mean over the classes that have an AP; nan if none has."""
    there = [value for value in average_precision.values() if not math.isnan(value)]
    return float(np.mean(there)) if there else math.nan


def group_by_frame(
    rows: Iterable[tuple[Frame, tuple[float, float, float, float], int, float]],
    class_ids: Collection[int],
    *,
    excluded: Collection[Frame] = (),
    capacity: int | None = None,
) -> dict[Frame, FrameBoxes]:
    """Rows of (frame, box, class id, score) by frame, in the official evaluator's order.

    Args:
        rows: boxes as x1, y1, x2, y2.
        class_ids: rows of other classes are left out, before ``capacity`` is filled.
        excluded: frames that are left out.
        capacity: rows of a frame that are kept, those with the highest scores; None keeps all.
    """
    heaps: dict[Frame, list[tuple[float, ...]]] = defaultdict(list)
    for frame, (x1, y1, x2, y2), label, score in rows:
        if label not in class_ids or frame in excluded:
            continue
        heap, item = heaps[frame], (score, label, y1, x1, y2, x2)
        if capacity is None or len(heap) < capacity:
            heapq.heappush(heap, item)
        elif score > heap[0][0]:
            heapq.heapreplace(heap, item)
    grouped = {}
    for frame, heap in heaps.items():
        table = np.array(sorted(heap, key=lambda item: -item[0]), dtype=np.float64)
        grouped[frame] = FrameBoxes(table[:, [3, 2, 5, 4]], table[:, 1].astype(np.int64), table[:, 0])
    return grouped


def pairwise_iou(first: Floats, second: Floats) -> Floats:
    """(N, 4) and (M, 4) boxes x1, y1, x2, y2 to the (N, M) areas of their intersections over those of their unions."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    intersection = np.prod(np.maximum(0.0, high - low), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return intersection / (areas[0][:, None] + areas[1][None, :] - intersection)


def _matches(detected: Floats, truth: Floats) -> NDArray[np.bool_]:
    """Whether each detection, best first, is the first one to find the ground-truth box that it overlaps most."""
    right = np.zeros(len(detected), dtype=bool)
    if not len(truth):
        return right
    overlap = pairwise_iou(detected, truth)
    taken = set()
    for i, nearest in enumerate(overlap.argmax(axis=1)):
        if overlap[i, nearest] >= IOU and nearest not in taken:
            right[i] = True
            taken.add(nearest)
    return right


def _average_precision(scores: list[Floats], right: list[NDArray[np.bool_]], count: int) -> float:
    """Area under precision over recall, precision made not to rise with recall (VOCdevkit)."""
    if not scores:
        return 0.0
    order = np.argsort(np.concatenate(scores))[::-1]
    hits = np.concatenate(right)[order]
    found = np.cumsum(hits)
    precision = np.concatenate([[0.0], found / np.arange(1, len(hits) + 1), [0.0]])
    recall = np.concatenate([[0.0], found / count, [1.0]])
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.flatnonzero(recall[1:] != recall[:-1]) + 1
    return float(np.sum((recall[steps] - recall[steps - 1]) * precision[steps]))
