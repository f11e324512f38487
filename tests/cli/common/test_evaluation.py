"""A part of annotated data tested as the options ask."""

from pathlib import Path

import pytest
import torch
from rich.console import Console

from tests.tiny import MODEL, write_clips
from videomamba.cli.common.evaluation import Request, run_evaluation
from videomamba.data import VideoError, read_folder
from videomamba.models import create_model
from videomamba.tasks.recognition import Recognition

NAMES = ("blue", "green", "red")


def evaluated(root, **options):
    model = create_model("videomamba_nano", **MODEL, class_names=NAMES).eval()
    with torch.no_grad():  # says red whatever it sees
        model.head.weight.zero_()
        model.head.bias.copy_(torch.tensor([0.0, 1.0, 2.0]))
    request = Request(Path(root), "model", device="cpu", workers=0, **options)
    return run_evaluation(model, Recognition(NAMES), read_folder(root)["all"], request, Console(quiet=True))


def test_the_figures_of_one_answer_for_all(clips):
    """5 of 15 videos are red."""
    report, speaks = evaluated(clips, batch_size=4, clips=2)
    assert speaks
    assert report["count"] == 15
    assert report["top1"] == pytest.approx(1 / 3)
    assert report["per_class"] == {"blue": 0.0, "green": 0.0, "red": 1.0}


def test_broken_videos_end_it_or_are_left_out(tmp_path):
    clips = write_clips(tmp_path / "clips", per_class=2)
    (clips / "red" / "red_0.mp4").write_bytes(b"\0" * 1000)
    with pytest.raises(VideoError, match="is not a video"):
        evaluated(clips)
    assert evaluated(clips, skip_broken=1)[0]["count"] == 5
