"""Segmenters by the commands: all splits trained, evaluated, their mean."""

import json

import numpy as np
import pytest

from videomamba.cli.main import main


def run(*words):
    return main([str(word) for word in words])


def test_train_all_splits_and_evaluate(gtea, tmp_path, capsys):
    out = tmp_path / "run"
    words = (
        "train",
        "gtea",
        gtea,
        "--splits",
        "all",
        "--model",
        "mstcn2",
        "--epochs",
        "1",
        "--device",
        "cpu",
    )
    assert run(*words, "--workers", "0", "--output", out, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["splits"]) == {"1", "2", "3", "4"}
    figures = [result["splits"][k]["last"]["F1@10"] for k in "1234"]
    assert result["mean"]["last"]["F1@10"] == pytest.approx(np.mean(figures))
    labels = tmp_path / "labels"
    assert run("evaluate", out / "split-3" / "last", gtea, "--predictions", labels, "--json") == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert "split 3" in captured.err
    assert report["MoF"] == pytest.approx(result["splits"]["3"]["last"]["MoF"])
    assert report["count"] == 1
    assert run("score", "segmentation", "--ground-truth", gtea / "groundTruth", "--predictions", labels, "--json") == 0
    scored = json.loads(capsys.readouterr().out)
    assert scored == pytest.approx({name: report[name] for name in scored})
