"""What is said when a run has ended can be typed."""

import json
import shlex

import pytest

from tests.tiny import MODEL, OPTIONS
from videomamba.cli.main import main
from videomamba.models import create_model
from videomamba.preprocessing import Preprocessing


@pytest.mark.parametrize(
    ("options", "views", "batch_size", "note"),
    [
        ((), (2, 3), 2, "2 clips x 3 crops of each video, as the model was tested; --clips 1 --crops 1 takes one"),
        (
            ("--clips", "1"),
            (1, 3),
            5,
            "1 clips x 3 crops of each video, crops as the model was tested; --crops 1 takes",
        ),
        (
            ("--crops", "3"),
            (2, 3),
            8,
            "2 clips x 3 crops of each video, clips as the model was tested; --clips 1 takes",
        ),
        (("--clips", "1", "--crops", "1"), (1, 1), 16, None),
    ],
)
def test_a_model_is_tested_with_its_own_views_where_none_are_asked_for(
    clips, tmp_path, capsys, monkeypatch, options, views, batch_size, note
):
    from videomamba import engine

    asked = {}
    loader = engine.evaluation_loader

    def noted(*args, **given):
        asked.update(given)
        return loader(*args, **given)

    monkeypatch.setattr(engine, "evaluation_loader", noted)
    clip = Preprocessing(4, size=(32, 32), views=(2, 3))
    model = create_model("videomamba_nano", class_names=("blue", "green", "red"), preprocessing=clip, **MODEL)
    model.save_pretrained(tmp_path / "model")
    words = ["evaluate", str(tmp_path / "model"), str(clips), "--device", "cpu", "--workers", "0", *options]
    assert main(words) == 0
    assert ((asked["num_clips"], asked["num_crops"]), asked["batch_size"]) == (views, batch_size)
    said = capsys.readouterr().err
    assert "crops of each video" not in said if note is None else f"note: {note}" in said


def test_the_commands_at_the_end_work(clips, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(clips), *OPTIONS, "--json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    (folder,) = (tmp_path / "runs").iterdir()
    assert result["run"] == f"runs/{folder.name}"
    assert folder.name.startswith("colours-")
    assert "12 to train, 3 held out, 3 classes" in err
    best, last = result["best"], result["last"]
    assert f"{100 * last['top1']:.1f} % at the end, runs/{folder.name}/last" in err
    assert f"at best {100 * best['top1']:.1f} % after epoch {best['epoch']}, runs/{folder.name}/best" in err
    commands = [shlex.split(line.removeprefix("next: ")) for line in err.splitlines() if line.startswith("next: ")]
    assert [command[1] for command in commands] == ["predict", "evaluate"]
    for command in commands:
        assert main([*command[1:], "--json"]) == 0
    answers, report = capsys.readouterr().out.split("]\n{")
    assert json.loads("{" + report)["top1"] == result["best"]["top1"]
    assert "predictions" in json.loads(answers + "]")[0]
