"""Real videos in AVA's form: nesting birds, from the folder to figures (docs/experiments/ava_birds.md)."""

import json

import pytest

from videomamba.cli.main import main

KEYFRAMES = ("--data-option", "keyframes=even:22", "--device", "cpu", "--workers", "0", "--json")


@pytest.mark.shared
@pytest.mark.slow
def test_the_training_keyframes_are_learnt(shared_data, tmp_path, capsys):
    data, run = str(shared_data / "ava_birds"), tmp_path / "run"
    model = ("--model", "videomamba_nano", "--size", "64", "112", "--layer-decay", "1")
    optim = ("--epochs", "30", "--batch-size", "4", "--lr", "1e-3", "--in-memory")
    assert main(["train", "ava", data, *model, *optim, *KEYFRAMES, "--output", str(run)]) == 0
    out, err = capsys.readouterr()
    assert 0 < json.loads(out)["last"]["mAP"] <= 1
    assert "2 of 176 rows of ava_train_v2.2.csv are left out: 2 with a box outside" in err
    assert main(["evaluate", str(run / "last"), data, "--part", "train", *KEYFRAMES]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["count"] == 87
    assert report["mAP"] >= 0.9
