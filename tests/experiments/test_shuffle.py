"""Shuffled tests of finished runs: class by class over all runs, kept for the weights that they are of."""

import json

import pytest

from videomamba.errors import UserError
from videomamba.experiments import shuffle
from videomamba.experiments.shuffle import find_runs, per_class, shuffled
from videomamba.inference.perturb import SHUFFLES


def reports_of(**right):
    """The same figures under every shuffle: class -> right videos and videos."""
    return {name: {"top1": 0.5, "count": 4, "per_class": right} for name in SHUFFLES}


def test_a_class_counts_its_videos_over_all_runs():
    """1 of 2 and 3 of 3 videos are 4 of 5; a class that no run has videos of has no accuracy."""
    found = per_class([reports_of(wave=[1, 2], sit=[0, 0]), reports_of(wave=[3, 3], jump=[1, 4])])
    assert list(found) == ["jump", "sit", "wave"]
    assert found["wave"] == dict.fromkeys(SHUFFLES, 80.0)
    assert found["jump"] == dict.fromkeys(SHUFFLES, 25.0)
    assert found["sit"] == dict.fromkeys(SHUFFLES)


def test_finished_runs_are_found_below_a_folder(trained, tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "run").symlink_to(trained.folder)
    assert list(find_runs(trained.folder)) == ["."]
    with pytest.raises(UserError, match="holds no finished run"):
        find_runs(tmp_path / "empty")


def test_what_was_tested_is_kept_and_serves_the_same_weights_only(trained, tmp_path, monkeypatch):
    (run,) = find_runs(trained.folder).values()
    file, options = tmp_path / "reports.json", {"device": "cpu", "batch_size": 4, "workers": 0}
    reports = shuffled(run, file, **options)
    assert reports["none"]["top1"] == pytest.approx(trained.last["top1"])
    assert {report["count"] for report in reports.values()} == {3}
    assert [pair[1] for pair in reports["none"]["per_class"].values()] == [1, 1, 1]

    def never(*_, **__):
        raise AssertionError("tested again")

    monkeypatch.setattr(shuffle, "evaluate", never)
    assert shuffled(run, file, **options) == reports
    file.write_text(json.dumps({**json.loads(file.read_text()), "of": "other weights"}))
    with pytest.raises(AssertionError, match="tested again"):
        shuffled(run, file, **options)
