"""Answers to videos whose class is known, by evaluation and by prediction."""

from pathlib import Path

import pytest
import torch
from rich.console import Console

from tests.colours import colour_model
from tests.tiny import write_clips
from videomamba.cli.common.evaluation import Request, run_evaluation
from videomamba.data import read_folder
from videomamba.data.annotations import model_labels
from videomamba.experiments.judged import Judged, Judging, judged_of, judged_videos
from videomamba.models import load_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(colour_model(tmp_path_factory.mktemp("model") / "colours"))


@pytest.fixture
def part(tmp_path, model):
    root = write_clips(tmp_path / "clips", per_class=2)
    (root / "red" / "red_1.mp4").rename(root / "blue" / "wrong.mp4")
    return model_labels(read_folder(root)["all"], model.labels)


def test_both_ways_say_the_same_of_each_video(model, part):
    request = Request(Path(), "model", device="cpu", batch_size=4, workers=0)
    report, _ = run_evaluation(model, Judging(model.labels), part, request, Console(quiet=True))
    evaluated = judged_of(report, part)
    predicted = list(judged_videos(model, part, device=torch.device("cpu")))
    assert [v.path for v in evaluated] == [v.path for v in predicted] == [r.path for r in part.records]
    assert [(v.truth, v.said) for v in evaluated] == [(v.truth, v.said) for v in predicted]
    for one, other in zip(evaluated, predicted, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-4)
        assert one.of_truth == pytest.approx(other.of_truth, abs=1e-4)
    (wrong,) = [video for video in evaluated if not video.is_right]
    assert (wrong.path.name, wrong.truth, wrong.said) == ("wrong.mp4", "blue", "red")
    assert report["top1"] == pytest.approx(5 / 6)
    assert wrong.probability > 0.5 > wrong.of_truth


def test_a_broken_video_is_its_error(model, part):
    part.records[0].path.write_bytes(b"")
    first, *rest = judged_videos(model, part, device=torch.device("cpu"))
    assert isinstance(first, str)
    assert part.records[0].path.name in first
    assert all(isinstance(video, Judged) for video in rest)
