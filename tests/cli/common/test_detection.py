"""``videomamba evaluate`` of a detector says what training said and what ``score`` says."""

import csv
import json

import pytest

from tests.ava_videos import ACTIONS
from videomamba.cli.main import main

CPU = ("--device", "cpu")

KEYFRAMES = ("--data-option", "keyframes=even:4")


def test_evaluate_is_what_training_said_and_what_score_says(ava_run, ava, tmp_path, capsys):
    found = tmp_path / "found.csv"
    command = ["evaluate", str(ava_run / "last"), str(ava), *KEYFRAMES, *CPU, "--workers", "0", "--json"]
    assert main([*command, "--detections", str(found)]) == 0
    evaluated = json.loads(capsys.readouterr().out)
    assert evaluated["count"] == 12
    assert list(evaluated["AP"]) == list(ACTIONS)
    trained = list(csv.DictReader((ava_run / "metrics.csv").open()))[-1]
    assert evaluated["mAP"] == pytest.approx(float(trained["mAP"]), abs=1e-6)
    truth, labels = ava / "ava_val_v2.2.csv", ava / "ava_action_list_v2.2.pbtxt"
    files = ["--ground-truth", str(truth), "--detections", str(found), "--label-map", str(labels)]
    assert main(["score", "ava", *files, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["AP"] == pytest.approx(evaluated["AP"], abs=1e-6)
    assert main([*command, "--part", "train"]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 24
