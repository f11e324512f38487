"""Frame mAP against the official evaluator's results, and its quirks by hand."""

import json
import math

import pytest

from tests.tiny import FIXTURES
from videomamba.data.datasets.ava_files import read_label_map, read_scored_rows
from videomamba.tasks.metrics.ava import frame_average_precision, group_by_frame, mean_average_precision

A, B = (0.1, 0.1, 0.5, 0.5), (0.5, 0.5, 0.9, 0.9)


def ap(truth, found, classes=(1,), excluded=()):
    """AP by class of rows (frame, box, class, score)."""
    frames = group_by_frame(truth, classes, excluded=excluded)
    detections = group_by_frame(found, classes, excluded=excluded, capacity=50)
    return frame_average_precision(frames, detections, classes)


def test_agrees_with_the_official_evaluator():
    names = read_label_map(FIXTURES / "ava_labelmap.pbtxt")
    truth, found = (
        [(row.key, row.box, row.action, row.score) for row in read_scored_rows(FIXTURES / f"ava_{name}.csv")]
        for name in ("gt", "detections")
    )
    expected = json.loads((FIXTURES / "ava_expected.json").read_text())
    by_class = ap(truth, found, names)
    for number, name in names.items():
        assert by_class[number] == pytest.approx(
            expected[f"PascalBoxes_PerformanceByCategory/AP@0.5IOU/{name}"], abs=1e-9
        )
    assert mean_average_precision(by_class) == pytest.approx(expected["PascalBoxes_Precision/mAP@0.5IOU"], abs=1e-9)


def test_a_duplicate_is_a_false_positive():
    truth = [(("v", 1), A, 1, 0), (("v", 2), A, 1, 0)]
    found = [(("v", 1), A, 1, 0.9), (("v", 1), A, 1, 0.8), (("v", 2), A, 1, 0.7)]
    assert ap(truth, found)[1] == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_a_detection_may_match_only_the_box_it_overlaps_most():
    near = (0.1, 0.1, 0.5, 0.46)
    truth = [(("v", 1), A, 1, 0), (("v", 1), near, 1, 0)]
    found = [(("v", 1), A, 1, 0.9), (("v", 1), A, 1, 0.8)]  # the second overlaps `near` by 0.9, and finds A taken
    assert ap(truth, found)[1] == pytest.approx(0.5)


def test_no_detection_and_no_ground_truth():
    truth = [(("v", 1), A, 1, 0)]
    by_class = ap(truth, [(("v", 1), A, 2, 0.9)], classes=(1, 2))
    assert by_class[1] == 0
    assert math.isnan(by_class[2])
    assert mean_average_precision(by_class) == 0, "the class without ground truth is left out"


def test_frames_without_ground_truth_count_and_excluded_ones_do_not():
    truth = [(("v", 1), A, 1, 0), (("v", 3), A, 1, 0)]
    found = [(("v", 2), A, 1, 0.9), (("v", 1), A, 1, 0.8), (("v", 3), B, 1, 0.95)]
    assert ap(truth, found, excluded={("v", 3)})[1] == pytest.approx(0.5)
    assert ap(truth, found)[1] == pytest.approx(0.5 / 3)


def test_fifty_detections_of_a_frame_count():
    truth = [(("v", 1), A, 1, 0)]
    noise = [(("v", 1), B, 2, 0.5 + i / 1000) for i in range(50)]
    assert ap(truth, [*noise, (("v", 1), A, 1, 0.4)], classes=(1, 2))[1] == 0
    assert ap(truth, [*noise, (("v", 1), A, 1, 0.4)], classes=(1,))[1] == 1, "unknown classes take no place"


def test_flat_detections_are_dropped_and_flat_ground_truth_cannot_be_found():
    flat = (0.5, 0.1, 0.4, 0.5)
    truth = [(("v", 1), A, 1, 0), (("v", 1), flat, 1, 0)]
    found = [(("v", 1), flat, 1, 0.9), (("v", 1), A, 1, 0.8)]
    assert ap(truth, found)[1] == pytest.approx(0.5)


def test_iou_of_exactly_the_threshold_is_enough():
    truth = [(("v", 1), (0.0, 0.0, 1.0, 1.0), 1, 0)]
    assert ap(truth, [(("v", 1), (0.0, 0.0, 1.0, 0.5), 1, 0.9)])[1] == 1
    assert ap(truth, [(("v", 1), (0.0, 0.0, 1.0, 0.499), 1, 0.9)])[1] == 0
