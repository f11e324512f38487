"""Confusions, mistakes and comparisons."""

from pathlib import Path

import pytest

from videomamba.errors import UserError
from videomamba.experiments.judged import Judged
from videomamba.experiments.report import Comparison, Report, compare, curve_of, run_of, settings_of

NAMES = ("close", "open", "turn")


def report(answers, name="run", **more):
    """Of (truth, said, probability, of truth) for videos 0, 1, 2 ..."""
    videos = tuple(Judged(Path(f"{i}.mp4"), *answer) for i, answer in enumerate(answers))
    return Report(name, NAMES, videos, **more)


ANSWERS = [
    ("open", "close", 0.6, 0.4),
    ("open", "open", 0.9, 0.9),
    ("close", "open", 0.99, 0.01),
    ("close", "open", 0.5, 0.35),
    ("close", "turn", 0.4, 0.3),
]


def test_confusions_are_counted_by_truth_and_answer():
    made = report(ANSWERS)
    assert made.confusion.tolist() == [[0, 2, 1], [1, 1, 0], [0, 0, 0]]
    assert made.top1 == 1 / 5
    assert made.per_class() == {"close": 0.0, "open": 0.5, "turn": None}
    assert made.confused_pairs() == [("close", "open", 2, 1), ("close", "turn", 1, 0)]


def test_the_worst_mistake_is_the_surest_one():
    assert [video.path.name for video in report(ANSWERS).worst(3)] == ["2.mp4", "0.mp4", "3.mp4"]
    assert report(ANSWERS[1:2]).worst(3) == []


def test_two_are_compared_on_the_same_videos():
    better = [(truth, truth, 0.9, 0.9) for truth, *_ in ANSWERS]
    better[1] = ("open", "turn", 0.9, 0.1)
    first = report(ANSWERS, "a", settings={"optim.lr": 1, "seed": 0})
    second = report(better, "b", settings={"optim.lr": 2, "seed": 0})
    found = compare(first, second)
    assert found.rows[0] == ("all 5 videos", 20.0, 80.0, 60.0)
    assert {row[0]: row[3] for row in found.rows[1:]} == {"open": 0.0, "close": 100.0}
    assert (found.only_first, found.only_second) == (1, 4)
    assert found.chance == pytest.approx(2 * (1 + 5) / 2**5)
    assert found.settings == (("optim.lr", "1", "2"),)
    assert found.sentence("a", "b").startswith("1 videos only a has right, 4 only b;")
    assert compare(first, first).chance == 1.0
    with pytest.raises(UserError, match="there is nothing to compare"):
        compare(first, Report("c", NAMES, (Judged(Path("other.mp4"), "open", "open", 1, 1),)))


@pytest.mark.parametrize(("chance", "said"), [(1.0, "100"), (0.372, "37"), (0.0451, "4.5"), (0.00123, "0.12")])
def test_chance_in_whole_cases_from_ten_on(chance, said):
    comparison = Comparison((), 3, 3, chance, ())
    assert comparison.sentence("a", "b").endswith(f"a split as uneven comes by chance in {said} of 100 cases")


def test_curves_and_settings_are_the_runs(tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,top1,note\n1,0.5,\n2,0.75,good\n")
    (tmp_path / "config.json").write_text('{"optim": {"lr": 1}, "device": "cpu"}')
    (tmp_path / "last").mkdir()
    run = run_of(tmp_path / "last")
    assert run is not None
    assert run.path == tmp_path
    assert curve_of(run) == ({"epoch": 1.0, "top1": 0.5}, {"epoch": 2.0, "top1": 0.75})
    assert settings_of(run) == {"optim.lr": 1}
    assert run_of(tmp_path / "last" / "nothing") is None
    assert curve_of(None) == ()
    assert settings_of(None) == {}
