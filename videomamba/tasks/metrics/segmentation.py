"""Figures of temporal action segmentation, computed as the evaluator of MS-TCN and ASFormer computes them.

A video is a sequence of labels, one per frame. Its segments are the runs of one label; those of an ignored label
(``background``) are left out of F1 and Edit, but their frames count in MoF. The field's quirks are kept, for figures
are compared with published ones:

- the last segment of a video ends at the index of its last frame, one short of where it should: a video's only frame
  is a segment of length 0, which nothing can overlap;
- a predicted segment is compared with the true one that it overlaps best, only; if that is taken, it is wrong;
- F1 sums hits and misses over all videos, Edit is the mean over videos, MoF counts frames of all videos;
- F1 without any segment, predicted or true, is 0.

Where that evaluator has no answer (it divides by zero, or stops): a video without segments, predicted or true, has
Edit 100; an empty prediction has MoF 0; a predicted segment in a video without true ones is wrong.
"""

import itertools
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from videomamba.errors import UserError

OVERLAPS = (0.10, 0.25, 0.50)
FIGURES = ("MoF", "Edit", *(f"F1@{overlap * 100:.0f}" for overlap in OVERLAPS))


class Segment(NamedTuple):
    """A run of one label: frames ``start`` to ``end``, the latter not included (but see above for the last one)."""

    label: Any
    start: int
    end: int


def segments(labels: Sequence[Hashable], ignore: Collection[Hashable] = ()) -> list[Segment]:
    """The runs of a frame-wise sequence in order, each where it is: the last one ends at the sequence's length."""
    changes = [i for i in range(1, len(labels)) if labels[i] != labels[i - 1]]
    bounds = [0, *changes, len(labels)] if len(labels) else []
    runs = (Segment(labels[start], start, end) for start, end in itertools.pairwise(bounds))
    return [run for run in runs if run.label not in ignore]


def scored_segments(labels: Sequence[Hashable], ignore: Collection[Hashable]) -> list[Segment]:
    """:func:`segments` with the evaluator's end of the last run, one short."""
    return [s._replace(end=min(s.end, len(labels) - 1)) for s in segments(labels, ignore)]


def edit_score(
    truth: Sequence[Hashable], predicted: Sequence[Hashable], ignore: Collection[Hashable] = ("background",)
) -> float:
    """100 (1 - d / n): d is the edit distance of the two orders of labels, n the length of the longer one."""
    a, b = ([s.label for s in segments(labels, ignore)] for labels in (predicted, truth))
    longer = max(len(a), len(b))
    if not longer:
        return 100.0
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            cost = min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
            diagonal, row[j] = row[j], cost
    return 100 * (1 - row[-1] / longer)


def segment_hits(
    truth: Sequence[Hashable],
    predicted: Sequence[Hashable],
    overlap: float,
    ignore: Collection[Hashable] = ("background",),
) -> tuple[int, int, int]:
    """True positives, false positives and false negatives of one video's segments.

    Args:
        truth, predicted: labels, one per frame.
        overlap: least intersection over union of a predicted segment and a true one of its label.
        ignore: labels whose segments do not count.
    """
    true, found = scored_segments(truth, ignore), scored_segments(predicted, ignore)
    labels = [s.label for s in true]
    starts, ends = (np.array([s[i] for s in true], dtype=float) for i in (1, 2))
    taken = np.zeros(len(true), dtype=bool)
    for segment in found:
        if not true:
            break
        shared = np.minimum(segment.end, ends) - np.maximum(segment.start, starts)
        union = np.maximum(segment.end, ends) - np.minimum(segment.start, starts)
        with np.errstate(divide="ignore", invalid="ignore"):  # two segments of length 0: no overlap
            iou = shared / union * np.array([label == segment.label for label in labels])
        best = int(iou.argmax())
        if iou[best] >= overlap and not taken[best]:
            taken[best] = True
    hits = int(taken.sum())
    return hits, len(found) - hits, len(true) - hits


def segmentation_scores(
    videos: Iterable[tuple[Sequence[Hashable], Sequence[Hashable]]],
    *,
    ignore: Collection[Hashable] = ("background",),
) -> dict[str, float]:
    """``MoF``, ``Edit``, ``F1@10``, ``F1@25`` and ``F1@50`` of a set of videos, in percent.

    Agrees with MS-TCN's and ASFormer's ``eval.py`` (``ignore`` is its ``bg_class``) where that has an answer.

    Args:
        videos: pairs of true and predicted labels, one per frame; an empty prediction is wrong in every frame.
        ignore: labels whose segments are left out of Edit and F1.

    Raises:
        UserError: no video, a video without true labels, or other lengths of truth and prediction.
    """
    right, frames, edits = 0, 0, []
    counts = np.zeros((len(OVERLAPS), 3), dtype=int)
    for number, (truth, predicted) in enumerate(videos):
        if not len(truth):
            raise UserError(f"video {number} has no true labels")
        if len(predicted) not in (0, len(truth)):
            raise UserError(f"video {number} has {len(truth)} true labels and {len(predicted)} predicted ones")
        right += sum(a == b for a, b in zip(truth, predicted, strict=False))
        frames += len(truth)
        edits.append(edit_score(truth, predicted, ignore))
        counts += [segment_hits(truth, predicted, overlap, ignore) for overlap in OVERLAPS]
    if not edits:
        raise UserError("no video to score")
    f1 = [100 * _f1(*map(int, row)) for row in counts]
    return dict(zip(FIGURES, (100 * right / frames, float(np.mean(edits)), *f1), strict=True))


def _f1(hits: int, wrong: int, missed: int) -> float:
    if not hits:
        return 0.0
    precision, recall = hits / (hits + wrong), hits / (hits + missed)
    return 2 * precision * recall / (precision + recall)
