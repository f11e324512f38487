"""The demo, in small; and its controls on a model that knows how to tell one pair of motions apart."""

import dataclasses
import io
import json

import numpy as np
import pytest
import torch
from rich.console import Console

from tests.tiny import tiny_run
from videomamba.cli import demo
from videomamba.cli.main import main
from videomamba.data import VideoRecord
from videomamba.data.synthetic import SyntheticMotions, class_names, write_video
from videomamba.preprocessing import Preprocessing
from videomamba.recipes import synthetic_motions
from videomamba.tasks.recognition import Recognition


def test_the_demo_runs_through(tmp_path, monkeypatch, capsys):
    def small(data):
        synthetic = SyntheticMotions(train_per_class=2, test_per_class=1, num_frames=8, size=32)
        run = synthetic_motions(data)
        return dataclasses.replace(
            tiny_run(data, None, epochs=1), data=dataclasses.replace(run.data, synthetic=synthetic)
        )

    monkeypatch.setattr("videomamba.recipes.synthetic_motions", small)
    assert main(["demo", "--output", str(tmp_path / "demo"), "--device", "cpu", "--json"]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)
    assert figures["chance"] == 1 / 8
    assert all(0 <= figures[key] <= 1 for key in ("top1", "top1_shuffled", "top1_one_frame", "reversed_to_pair"))
    picture = tmp_path / "demo" / figures["run"].rsplit("/", 1)[-1] / "delta.png"
    assert (figures["delta_maps"], picture.read_bytes()[:4]) == (str(picture), b"\x89PNG")
    for line in ("16 to train, 8 held out, 8 classes", "frames in random order", "played backwards", "probability"):
        assert line in err
    assert f"--checkpoint {figures['run']}/last" in err.splitlines()[-2]


@pytest.mark.slow
def test_the_demo_learns_motion(tmp_path, capsys):
    """Five minutes; the figures that docs/experiments/demo.md promises."""
    assert main(["demo", "--output", str(tmp_path / "demo"), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["top1"] >= 0.9
    assert figures["top1_shuffled"] <= 0.6
    assert figures["top1_one_frame"] <= 0.25
    assert figures["reversed_to_pair"] >= 0.85


NAMES = class_names("hard")


class LightMeter(torch.nn.Module):
    """Tells light_up from go_dark by the last frame against the first; anything steady is the first class."""

    preprocessing = Preprocessing(num_frames=8, size=(32, 32))

    def forward(self, video):
        slope = (video[:, :, -1] - video[:, :, 0]).mean((1, 2, 3))
        logits = torch.zeros(len(video), len(NAMES))
        logits[slope > 0.1, NAMES.index("light_up")] = 1
        logits[slope < -0.1, NAMES.index("go_dark")] = 1
        logits[:, 0] += 0.5
        return logits


@pytest.fixture
def lights(tmp_path):
    """Eight clips that turn light, and eight that turn dark."""
    records = []
    ramp = np.linspace(20, 230, 16).astype(np.uint8)
    for i in range(16):
        values = ramp if i % 2 else ramp[::-1]
        write_video(tmp_path / f"{i}.mp4", np.broadcast_to(values[:, None, None, None], (16, 32, 32, 3)), fps=8)
        records.append(VideoRecord(tmp_path / f"{i}.mp4", NAMES.index("light_up" if i % 2 else "go_dark")))
    return tuple(records)


def test_controls_of_a_model_that_sees_motion(lights, tmp_path):
    run = tiny_run(tmp_path, None)
    run = dataclasses.replace(run, data=dataclasses.replace(run.data, synthetic=SyntheticMotions(level="hard")))
    figures = demo._test(run, LightMeter(), Recognition(NAMES), lights)
    assert (figures["top1"], figures["top1_one_frame"], figures["reversed_to_pair"]) == (1, 0, 1)
    assert 0.1 < figures["top1_shuffled"] < 0.9


def test_the_table_explains_every_figure():
    figures = {"top1": 0.95, "top1_shuffled": 0.4, "top1_one_frame": 0.125, "reversed_to_pair": 0.9, "chance": 0.125}
    text = io.StringIO()
    Console(file=text, width=120).print(demo._table(figures))
    for value in ("95.0 %", "40.0 %", "90.0 %"):
        assert value in text.getvalue()
    assert text.getvalue().count("12.5 %") == 2
