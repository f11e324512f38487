"""Pictures in a folder or an archive train an image model, which a video model begins from."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.tiny import write_clips
from videomamba.cli.main import main
from videomamba.data.datasets import read_layout
from videomamba.models import load_model
from videomamba.recipes import RECIPES


@pytest.fixture
def pictures(tmp_path):
    root = tmp_path / "pictures"
    for k, name in enumerate(("dark", "bright")):
        (root / name).mkdir(parents=True)
        for i in range(5):
            Image.fromarray(np.full((20, 24, 3), 40 + 150 * k + i, np.uint8)).save(root / name / f"{i}.jpg")
    return root


def test_a_folder_an_archive_and_what_begins_from_them(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.make_archive("packed", "zip", pictures)
    common = ["--size", "16", "--epochs", "1", "--device", "cpu", "--workers", "0"]
    for data in ("pictures", "packed.zip"):
        assert main(["train", "images", data, *common, "--output", f"runs/{data}", "--json"]) == 0
        captured = capsys.readouterr()
        assert "8 to train, 2 held out, 2 classes" in captured.err
        assert set(json.loads(captured.out)) == {"run", "best", "last"}
    assert len(list((tmp_path / "runs/data").glob("packed-*"))) == 1
    model = load_model("runs/packed.zip/last")
    assert (model.config.num_frames, model.config.tubelet_size, model.class_names) == (1, 1, ("bright", "dark"))
    clips = write_clips(tmp_path / "clips", per_class=2)
    video = ["train", str(clips), "--start", "runs/packed.zip/last", "--model", "videomamba_nano", "--frames", "4"]
    assert main([*video, "--size", "16", "--epochs", "1", "--device", "cpu", "--workers", "0", "--output", "v"]) == 0
    assert load_model("v/last").config.num_frames == 4


def test_pictures_given_as_videos_say_how(pictures, capsys):
    assert main(["train", str(pictures)]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"class 'bright' has no videos in {pictures}/bright" in line
    assert f"`videomamba train images {pictures}` trains on pictures" in line


def test_mistakes(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.zip").write_text("x")
    for data, why in (("nowhere", "nowhere is not a folder"), ("text.zip", "text.zip is not a zip archive")):
        assert main(["train", "images", data]) == 2
        assert why in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.shared
def test_tiny_imagenet_of_shared_data(shared_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = RECIPES["tiny_imagenet"](shared_data / "tiny_imagenet_100")
    from videomamba.engine import load_splits

    splits = load_splits(run.data, seed=0)
    assert (len(splits.train), len(splits.test), len(splits.train.class_names)) == (16_000, 3_000, 100)


@pytest.mark.shared
def test_jhmdb_of_shared_data(shared_data):
    parts = read_layout("jhmdb", shared_data / "jhmdb")
    assert (len(parts["train"]), len(parts["test"]), len(parts["train"].class_names)) == (649, 279, 21)
