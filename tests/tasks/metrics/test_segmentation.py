"""The figures of segmentation: those of the released evaluator, its quirks, and what it has no answer for."""

import json

import numpy as np
import pytest

from tests.tiny import FIXTURES
from videomamba.tasks.metrics.segmentation import Segment, edit_score, segment_hits, segmentation_scores, segments


def test_the_released_evaluators_figures():
    fixture = json.loads((FIXTURES / "segmentation_metrics.json").read_text())
    scores = segmentation_scores([(v["ground_truth"], v["prediction"]) for v in fixture["videos"]])
    assert scores == pytest.approx(fixture["expected"], rel=0, abs=1e-9)


def labels(text):
    return text.split()


def test_segments_are_runs_and_ignored_ones_are_gone():
    assert segments(labels("a a b bg b b"), ("bg",)) == [Segment("a", 0, 2), Segment("b", 2, 3), Segment("b", 4, 6)]
    assert segments([]) == []


@pytest.mark.parametrize(
    ("truth", "predicted", "edit"),
    [
        ("a b c", "a b c", 100.0),
        ("a a b b", "b b a a", 0.0),
        ("a b c d", "a c d d", 75.0),
        ("a b", "bg bg", 0.0),
        ("bg bg", "bg bg", 100.0),
        ("a b a b", "a a a a", 25.0),
    ],
)
def test_edit(truth, predicted, edit):
    assert edit_score(labels(truth), labels(predicted), ("bg",)) == pytest.approx(edit)
    assert edit_score(labels(predicted), labels(truth), ("bg",)) == pytest.approx(edit)


def test_edit_is_the_distance_of_a_plain_recursion():
    rng = np.random.default_rng(0)

    def distance(a, b):
        if not a or not b:
            return len(a) + len(b)
        return min(distance(a[1:], b) + 1, distance(a, b[1:]) + 1, distance(a[1:], b[1:]) + (a[0] != b[0]))

    for _ in range(20):
        a, b = (list(rng.integers(0, 3, rng.integers(1, 6))) for _ in range(2))
        runs = [[s.label for s in segments(x)] for x in (a, b)]
        assert edit_score(a, b, ()) == pytest.approx(100 * (1 - distance(*runs) / max(map(len, runs))))


def test_a_true_segment_is_hit_once():
    assert segment_hits(labels("a a a a a a"), labels("a a b a a a"), 0.1) == (1, 2, 0)
    assert segment_hits(labels("a a b b c"), labels("a a b b c"), 0.5)[:2] == (2, 1)  # a last segment of length 0


def test_the_last_segment_ends_one_short():
    truth, predicted = labels("a a b b b"), labels("a a a b b")  # b: 2-4 and 3-4, an overlap of a half
    assert segment_hits(truth, predicted, 0.5) == (2, 0, 0)
    assert segment_hits([*truth, "bg"], [*predicted, "bg"], 0.67, ("bg",)) == (0, 2, 2)  # 2-5 and 3-5: two thirds


def test_f1_sums_over_videos_and_edit_averages():
    good, bad = (labels("a a b b bg"), labels("a a b b bg")), (labels("a a a bg"), labels("b b b bg"))
    scores = segmentation_scores([good, bad], ignore=("bg",))
    assert scores["Edit"] == pytest.approx(50)
    assert scores["F1@50"] == pytest.approx(100 * 2 / 3)
    assert scores["MoF"] == pytest.approx(100 * 6 / 9)


def test_odd_sequences():
    zero = {"MoF": 0.0, "Edit": 0.0, "F1@10": 0.0, "F1@25": 0.0, "F1@50": 0.0}
    assert segmentation_scores([(labels("a a b"), [])]) == zero
    one_label = (labels("a a a a"), labels("a a a a"))
    assert set(segmentation_scores([one_label]).values()) == {100.0}
    assert segmentation_scores([(labels("a a"), labels("background background"))]) == zero
    nothing = segmentation_scores([(labels("background background"), labels("background background"))])
    assert (nothing["MoF"], nothing["Edit"], nothing["F1@10"]) == (100.0, 100.0, 0.0)
    assert segmentation_scores([(labels("background b"), labels("b b"))])["F1@10"] == 0.0


@pytest.mark.parametrize(
    ("videos", "message"),
    [([], "no video"), ([([], [])], "no true labels"), ([(["a", "b"], ["a"])], "2 true labels and 1 predicted")],
)
def test_what_cannot_be_scored(videos, message):
    with pytest.raises(ValueError, match=message):
        segmentation_scores(videos)
