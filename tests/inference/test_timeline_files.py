"""The csv that grows, and what is made of it."""

import csv
import json

import numpy as np
import pytest
import torch

from videomamba.errors import UserError
from videomamba.inference.timeline import Moment
from videomamba.inference.timeline_files import TimelineFiles, merged_spans

FACTS = {"video": "a.mp4", "window": 4}
LABELS = ("run", 'jump, "high"', "wav\xe9")


def moment(i, best):
    scores = torch.full((3,), 0.1)
    scores[best] = 0.8
    return Moment(i + 0.5, float(i), i + 1.0, scores)


def filled(tmp_path, bests, facts=FACTS):
    files = TimelineFiles(tmp_path / "a.csv", LABELS, facts)
    files.begin({"x": torch.zeros(1)})
    for i, best in enumerate(bests):
        files.add(moment(i, best))
    return files


def test_rows_are_there_at_once(tmp_path):
    filled(tmp_path, [0, 1])
    with (tmp_path / "a.csv").open(newline="") as file:
        head, first, second = csv.reader(file)
    assert head == ["time_s", "start_s", "end_s", "label", "score", *LABELS]
    assert first == ["0.500000", "0.000000", "1.000000", "run", "0.800000", "0.800000", "0.100000", "0.100000"]
    assert second[3] == 'jump, "high"'


def test_json_picture_and_stretches(tmp_path):
    files = filled(tmp_path, [0, 0, 2, 2, 2, 0])
    files.save({"x": torch.zeros(1)})
    assert not files.is_complete
    spans = files.finish("a $ title")
    assert files.is_complete
    assert [(s.label, s.start_s, s.end_s) for s in spans] == [("run", 0, 2), (LABELS[2], 2, 5), ("run", 5, 6)]
    assert all(span.score == pytest.approx(0.8) for span in spans)
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["video"] == "a.mp4"
    assert found["classes"] == list(LABELS)
    assert len(found["spans"]) == 3
    assert found["moments"][2] == {"time_s": 2.5, "start_s": 2.0, "end_s": 3.0, "scores": [0.1, 0.1, 0.8]}
    assert (tmp_path / "a.png").stat().st_size > 10_000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "a.json", "a.png"]


def test_killed_before_the_first_score_it_is_not_complete(tmp_path):
    files = filled(tmp_path, [])
    assert not files.is_complete
    (tmp_path / "a.csv").unlink()  # killed even before
    again = TimelineFiles(tmp_path / "a.csv", LABELS, FACTS)
    assert again.go_on()["x"] == 0
    again.add(moment(0, 1))
    again.close()
    assert (tmp_path / "a.csv").read_bytes() == filled(tmp_path / "whole", [1]).csv.read_bytes()


def test_stopped_before_the_first_score_it_leaves_nothing(tmp_path):
    filled(tmp_path, []).close()
    assert not list(tmp_path.iterdir())


def test_goes_on_where_it_was_saved(tmp_path):
    whole = filled(tmp_path / "whole", [0, 1, 2, 0]).csv.read_bytes()
    files = filled(tmp_path, [0, 1])
    files.save({"next": torch.tensor(7)})
    files.add(moment(2, 0))  # not saved: done again
    files.close()
    again = TimelineFiles(tmp_path / "a.csv", LABELS, FACTS)
    with pytest.raises(UserError, match=r"is not finished: --resume goes on with it; delete .*a.csv.resume to beg"):
        again.begin(None)
    assert int(again.go_on()["next"]) == 7
    for i, best in ((2, 2), (3, 0)):
        again.add(moment(i, best))
    assert again.csv.read_bytes() == whole


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(lambda f: f.state.write_bytes(b"no"), "cannot be read: delete it to begin anew"),
     (lambda f: f.csv.write_bytes(b"short"), "lacks rows that were there"),
     (lambda f: f.csv.unlink(), "lacks rows that were there"),
     (lambda f: f.facts.update(window=8), "is of another window: give the same options, or another --output")],
)  # fmt: skip
def test_what_cannot_be_gone_on_with(tmp_path, spoil, message):
    files = filled(tmp_path, [0], dict(FACTS))
    files.save({"x": torch.zeros(1)})
    spoil(files)
    with pytest.raises(UserError, match=message):
        files.go_on()


def test_many_rows_make_a_curve_of_means(tmp_path):
    files = filled(tmp_path, [i // 2000 for i in range(4000)])
    times, curves = files._curves()
    assert len(times) <= 1500
    assert times[-1] == pytest.approx(3998.5, abs=3)
    assert curves["run"][0] == pytest.approx(0.8)
    assert curves["run"][-1] == pytest.approx(0.1)


def test_no_rows_have_no_stretch():
    assert merged_spans(iter(()), LABELS) == []
    (only,) = merged_spans(iter([((0.5, 0.0, 1.0), np.array([0.2, 0.7, 0.1]))]), LABELS)
    assert (only.start_s, only.end_s, only.label, only.score) == (0.0, 1.0, LABELS[1], 0.7)
