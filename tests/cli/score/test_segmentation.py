"""``videomamba score segmentation``: files of anybody's labels."""

import json

import pytest

from tests.tiny import FIXTURES
from videomamba.cli.main import main


@pytest.fixture
def folders(tmp_path):
    truth, found = tmp_path / "groundTruth", tmp_path / "results"
    truth.mkdir()
    found.mkdir()
    return truth, found


def score(folders, *more):
    return main(["score", "segmentation", "--ground-truth", str(folders[0]), "--predictions", str(folders[1]), *more])


def write(folder, name, labels, *, header=False):
    text = "\n".join(labels) + "\n" if not header else f"### Frame level recognition: ###\n{' '.join(labels)}"
    (folder / name).write_text(text if labels else "")


@pytest.mark.parametrize("header", [False, True])
def test_the_released_evaluators_figures_from_both_kinds_of_files(folders, capsys, header):
    fixture = json.loads((FIXTURES / "segmentation_metrics.json").read_text())
    for video in fixture["videos"]:
        write(folders[0], f"{video['name']}.txt", video["ground_truth"])
        write(folders[1], video["name"] if header else f"{video['name']}.txt", video["prediction"], header=header)
    write(folders[0], "of_another_split.txt", ["take"])
    assert score(folders, "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == pytest.approx(fixture["expected"], rel=0, abs=1e-9)
    assert "1 of the 7 videos" in err


def test_ignored_labels_are_an_option(folders, capsys):
    write(folders[0], "a.txt", ["x", "x", "rest", "rest", "y", "y"])
    write(folders[1], "a.txt", ["x", "x", "x", "rest", "y", "y"])
    edits = []
    for ignore in (["rest"], ["x", "y"], []):
        assert score(folders, "--json", "--ignore", *ignore) == 0
        edits.append(json.loads(capsys.readouterr().out)["F1@50"])
    assert edits == pytest.approx([100.0, 100.0, 100.0])
    write(folders[1], "a.txt", ["x", "x", "y", "y", "y", "y"])
    assert score(folders, "--json", "--ignore", "rest") == 0
    assert json.loads(capsys.readouterr().out)["Edit"] == 100.0
    assert score(folders, "--json", "--ignore") == 0
    assert json.loads(capsys.readouterr().out)["Edit"] == pytest.approx(100 * 2 / 3)


def test_lengths_that_differ(folders, capsys):
    write(folders[0], "a.txt", ["x"] * 100 + ["y"] * 100)
    write(folders[1], "a.txt", ["x"] * 100 + ["y"] * 103)
    assert score(folders, "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["MoF"] == 100.0
    assert "203 labels" in err
    assert "first 200" in err
    write(folders[1], "a.txt", ["x"] * 50 + ["y"] * 50)
    assert score(folders) == 2
    assert "frame rate" in capsys.readouterr().err


def test_an_empty_prediction_is_all_wrong(folders, capsys):
    write(folders[0], "a.txt", ["x"] * 10)
    write(folders[1], "a.txt", [])
    assert score(folders, "--json") == 0
    out, err = capsys.readouterr()
    assert set(json.loads(out).values()) == {0.0}
    assert "is empty" in err


@pytest.mark.parametrize(
    ("files", "message"), [(["b.txt"], "does not know"), ([], "has no files"), (["a", "a.txt"], "has both")]
)
def test_mistakes_are_one_line(folders, capsys, files, message):
    write(folders[0], "a.txt", ["x"])
    for name in files:
        write(folders[1], name, ["x"])
    assert score(folders) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_folders_are_needed(folders, tmp_path, capsys):
    assert main(["score", "segmentation", "--ground-truth", str(folders[0])]) == 2
    assert "--predictions" in capsys.readouterr().err
    write(folders[0], "a.txt", ["x"])
    assert score((folders[0], tmp_path / "nowhere")) == 2
    assert "not a folder" in capsys.readouterr().err


def test_options_of_the_other_benchmark_are_refused(folders, fails):
    words = ("score", "segmentation", "--ground-truth", folders[0], "--predictions", folders[1])
    others = ("--excluded", "x.csv", "--label-map", "l.pbtxt", "--detections", "d.csv")
    line = "error: score segmentation compares folders of labels: leave out --detections, --label-map, --excluded"
    assert fails(*words, *others) == line
    words = ("score", "ava", "--ground-truth", "g.csv", "--detections", "d.csv", "--label-map", "l.pbtxt")
    line = fails(*words, "--predictions", folders[1], "--ignore", "background")
    assert line == "error: score ava compares boxes: leave out --predictions, --ignore"
