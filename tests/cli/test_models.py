"""``videomamba models``: architectures and published checkpoints."""

import json

import torch

from tests.models.weights import hub
from tests.models.weights.foreign_files import random_weights
from videomamba.cli.main import main
from videomamba.models.weights.published import DEFAULT, published_checkpoints


def listed(capsys, *argv):
    capsys.readouterr()
    assert main(["models", *argv, "--json"]) == 0
    out, err = capsys.readouterr()
    return json.loads(out), err


def test_architectures(capsys):
    (row,), err = listed(capsys, "*nano")
    assert (row["name"], row["width"], row["frames"], row["size"]) == ("videomamba_nano", 128, 16, [64, 64])
    assert "videomamba_nano" in err


def test_published_checkpoints(capsys):
    rows, err = listed(capsys, "--pretrained")
    assert [row["name"] for row in rows] == list(published_checkpoints())
    rows, err = listed(capsys, "--pretrained", "--data", "k400", "--frames", "16")
    assert [row["top1"] for row in rows] == [78.1, 80.8, 81.9]
    assert rows[1]["views"] == [4, 3]
    assert "4 x 3" in err
    (row,), _ = listed(capsys, "vim_s*ft*", "--pretrained")
    assert row["repository"] == "hustvl/Vim-small-midclstok"


def test_what_is_not_there(fails):
    assert "no published checkpoint has data k600; there are imagenet1k" in fails(
        "models", "--pretrained", "--data", "k600"
    )
    assert "no published checkpoint matches 'x'; the first of 12 is" in fails(
        "models", "x", "--pretrained", "--data", "ssv2"
    )
    assert "--data is for published checkpoints; add --pretrained" in fails("models", "--data", "k400")
    assert "no model matches 'vit*'" in fails("models", "vit*")


def test_predict_without_a_checkpoint_answers_with_kinetics_classes(clips, tmp_path, monkeypatch, capsys):
    row = published_checkpoints()[DEFAULT]
    file = tmp_path / "served" / row.repository / row.file
    file.parent.mkdir(parents=True)
    torch.save(random_weights(32, 1, classes=400, frames=16), file)
    with hub.served(tmp_path / "served") as server:
        hub.use(monkeypatch, hub.address(server), tmp_path / "home")
        capsys.readouterr()
        assert main(["predict", str(clips / "red" / "red_0.mp4"), "--device", "cpu", "--json"]) == 0
    out, err = capsys.readouterr()
    (answer,) = json.loads(out)
    assert all(score["label"] == row.class_names[score["index"]] for score in answer["predictions"])
    assert err.startswith(f"note: no --checkpoint given: {DEFAULT} of OpenGVLab/VideoMamba (Kinetics-400)\n")


def test_train_starts_from_a_published_name(clips, tmp_path, monkeypatch, capsys):
    row = published_checkpoints()["vim_t_midclstok_76p1acc"]
    put = tmp_path / "home" / "videomamba" / row.file
    put.parent.mkdir(parents=True)
    torch.save({"model": random_weights(32, 1, classes=1000)}, put)
    hub.use(monkeypatch, "http://127.0.0.1:9", tmp_path / "home")
    words = ["--start", row.name, "--frames", "2", "--size", "32", "--epochs", "1", "--batch-size", "8"]
    output = ["--output", str(tmp_path / "run"), "--device", "cpu", "--workers", "0"]
    assert main(["train", str(clips), *words, *output]) == 0
    config = json.loads((tmp_path / "run" / "last" / "config.json").read_text())
    assert config["source"].startswith(f"fine-tuned (colours) from {row.name} ({row.file}: Vim, image model")
    assert config["license"] == "apache-2.0"
    assert config["preprocessing"]["crop"] == 1.0
