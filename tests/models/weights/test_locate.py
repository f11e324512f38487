"""What a name is: a path never becomes a question to the Hub."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
import torch

from tests.models.weights import hub
from tests.models.weights.foreign_files import random_weights
from tests.tiny import write_clips
from videomamba.models import VideoMamba, create_model, load_model
from videomamba.models.weights import locate as module
from videomamba.models.weights.published import published_checkpoints


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    """An empty folder to work in; asking the Hub fails the test."""
    monkeypatch.chdir(tmp_path)
    for name in ("snapshot_download", "hf_hub_download", "get_hf_file_metadata", "HfApi"):
        monkeypatch.setattr(module, name, lambda *args, **options: pytest.fail("the Hub was asked"))
    return tmp_path


@pytest.mark.parametrize("name", ["runs/typo", "models/typo", "./a/b", "../a", "~/a", "/a/b", "a/b/c", "x", "a/b.pth",
                                  "a/b.model", "a\\b", "a/", "/", "models/", ""])  # fmt: skip
def test_a_path_is_not_looked_for_on_the_hub(name, no_hub):
    (no_hub / "models").mkdir()
    with pytest.raises(ValueError, match=r"there is no checkpoint|holds no checkpoint"):
        load_model(name)


def test_near_names_are_suggested(no_hub):
    for name in ("runs/clips-1", "runs/demo", "other"):
        (no_hub / name).mkdir(parents=True)
    for name, near in (("runs/clip-1", "runs/clips-1"), ("runs/demos/best", "runs/demo"), ("othre", "other")):
        with pytest.raises(ValueError, match=rf"there is no checkpoint {name}; did you mean {near}\?"):
            load_model(name)
    with pytest.raises(ValueError, match=r"there is no checkpoint zzz: expected"):
        load_model("zzz")


def test_what_has_the_form_of_a_hub_id_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(module, "snapshot_download", lambda name, **options: asked.append(name) or 1 / 0)
    for name in ("owner/name", "hf-hub:owner/name"):
        with pytest.raises(ZeroDivisionError):
            module.locate(name)
    assert asked == ["owner/name", "owner/name"]


NAME = "videomamba_t16_ssv2_f8_res224"
ROW = published_checkpoints()[NAME]


@pytest.fixture
def published_file(tmp_path):
    """A file of a published layout, narrow and shallow, in a folder that can be served."""
    file = tmp_path / "served" / ROW.repository / ROW.file
    file.parent.mkdir(parents=True)
    torch.save(random_weights(32, 1, classes=174, frames=8), file)
    return file


def test_a_published_checkpoint_is_downloaded_once(published_file, tmp_path, monkeypatch):
    with hub.served(tmp_path / "served") as server:
        hub.use(monkeypatch, hub.address(server), tmp_path / "home")
        model = load_model(NAME)
        assert model.preprocessing == ROW.preprocessing
        assert model.class_names[0] == "Approaching something with your camera"
        assert server.asked[-1] == f"GET /{ROW.repository}/resolve/main/{ROW.file}"
        asked = len(server.asked)
        again = create_model("videomamba_tiny", pretrained=NAME, embed_dim=32, depth=1)
        assert len(server.asked) == asked, "what is in the cache needs no question to the Hub"
    assert torch.equal(load_model(NAME).cls_token, model.cls_token)  # the server is gone
    assert again.num_classes == 174


def test_without_a_network_one_line_says_what_to_fetch_and_where_to_put_it(published_file, tmp_path, monkeypatch):
    hub.use(monkeypatch, "http://127.0.0.1:9", tmp_path / "home")
    begin, put = time.monotonic(), tmp_path / "home" / "videomamba" / ROW.file
    with pytest.raises(ValueError, match="is not on this machine and cannot be downloaded") as error:
        load_model(NAME)
    assert time.monotonic() - begin < 5
    assert "\n" not in str(error.value)
    assert "Connection refused" in str(error.value)
    assert f"get http://127.0.0.1:9/{ROW.repository}/resolve/main/{ROW.file} and put it at {put}" in str(error.value)
    with pytest.raises(ValueError, match="the network may not be used"):
        VideoMamba.from_pretrained(NAME, local_files_only=True)
    put.parent.mkdir(parents=True)
    shutil.copy(published_file, put)
    assert load_model(NAME).num_classes == 174
    assert load_model(put).preprocessing == ROW.preprocessing


def test_a_file_that_the_hub_does_not_have(tmp_path, monkeypatch):
    with hub.served(tmp_path) as server:
        hub.use(monkeypatch, hub.address(server), tmp_path / "home")
        with pytest.raises(ValueError, match=rf"{NAME} is not on this machine and cannot be downloaded \(.*404"):
            load_model(NAME)


def test_a_name_that_the_hub_does_not_have_and_a_hub_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with hub.served(tmp_path) as server:
        hub.use(monkeypatch, hub.address(server), tmp_path / "home")
        with pytest.raises(ValueError, match=r"no folder owner/name, and the Hub has no model of that name: .*404"):
            load_model("owner/name")
    hub.use(monkeypatch, "http://127.0.0.1:9", tmp_path / "home")
    with pytest.raises(ValueError, match=r"no folder owner/name, and the Hub could not be asked: .*refused") as error:
        load_model("owner/name")
    assert "\n" not in str(error.value)


def test_a_near_published_name_is_suggested(no_hub):
    with pytest.raises(ValueError, match=r"did you mean videomamba_s16_k400_f16_res224"):
        load_model("videomamba_s16_k400_f16")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "width", "layout"),
    [
        ("videomamba_s16_k400_f16_res224", 384, {"classes": 400, "frames": 16}),
        ("vim_s_midclstok_80p5acc", 384, {"classes": 1000}),
    ],
)
def test_the_command_line_with_files_of_full_size(name, width, layout, tmp_path):
    row = published_checkpoints()[name]
    file = tmp_path / "served" / row.repository / row.file
    file.parent.mkdir(parents=True)
    weights = random_weights(width, 24, **layout)
    torch.save({"model": weights} if row.frames == 1 else weights, file)
    clip = write_clips(tmp_path / "clips", per_class=1) / "red" / "red_0.mp4"
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "TQDM_POSITION": "-1"}  # a bar without a terminal
    words = [] if name == "videomamba_s16_k400_f16_res224" else ["--checkpoint", name]

    def predicted(endpoint):
        return subprocess.run(
            [sys.executable, "-m", "videomamba.cli.main", "predict", str(clip), *words, "--json"],
            capture_output=True,
            text=True,
            env={**environment, "HF_ENDPOINT": endpoint},
        )

    with hub.served(tmp_path / "served") as server:
        done = predicted(hub.address(server))
    assert done.returncode == 0, done.stderr
    assert row.file in done.stderr.replace("\r", "\n"), "a progress bar names the file"
    assert "100%" in done.stderr
    (answer,) = json.loads(done.stdout)
    assert all(score["label"] in row.class_names for score in answer["predictions"])
    if not words:
        assert done.stderr.startswith(f"note: no --checkpoint given: {name} of OpenGVLab/VideoMamba (Kinetics-400)\n")
    again = predicted("http://127.0.0.1:9")  # the network is off
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == [answer]
    shutil.rmtree(tmp_path / "home")
    none = predicted("http://127.0.0.1:9")
    assert none.returncode == 2
    assert none.stderr.splitlines()[-1].startswith(f"error: {name} is not on this machine")
    assert len(none.stderr.splitlines()) == (1 if words else 2)
