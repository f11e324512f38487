import os

import numpy as np
import pytest
import torch
from safetensors import safe_open

from tests import ava_videos
from tests.ava_videos import write_ava
from tests.mstcn_folder import CHANNELS, NAMES, write_mstcn
from tests.tiny import FIXTURES, MODEL, OPTIONS, write_clips
from videomamba.cli.main import main
from videomamba.data.synthetic import write_video
from videomamba.models import create_model


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """Three classes of five clips."""
    return write_clips(tmp_path_factory.mktemp("clips") / "colours")


@pytest.fixture(scope="session")
def trained(clips, tmp_path_factory):
    """The run folder of two epochs on them, by the command."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", str(clips), "--output", str(folder), *OPTIONS]) == 0
    return folder


@pytest.fixture
def fails(capsys, tmp_path, monkeypatch):
    """Runs a command that must fail as a user's mistake does, and returns its last line."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: object) -> str:
        capsys.readouterr()
        assert main([os.fspath(part) if isinstance(part, os.PathLike) else str(part) for part in argv]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        notes, line = err.splitlines()[:-1], err.splitlines()[-1]
        assert line.startswith("error: ")
        assert not any("error" in note or "Traceback" in note for note in notes), err
        return line

    return run


@pytest.fixture
def vim(tmp_path):
    """Vim's image fixture as its authors would publish it."""
    with safe_open(FIXTURES / "vim_image.safetensors", "pt") as file:
        weights = {k.removeprefix("weights."): file.get_tensor(k) for k in file.keys() if k.startswith("weights.")}  # noqa: SIM118
    path = tmp_path / "vim_t_midclstok.pth"
    torch.save({"model": weights}, path)
    return path


@pytest.fixture(scope="session")
def gtea(tmp_path_factory):
    return write_mstcn(tmp_path_factory.mktemp("gtea") / "data")


@pytest.fixture(scope="session")
def segmenter(tmp_path_factory):
    torch.manual_seed(0)
    model = create_model("asformer", input_dim=CHANNELS, class_names=NAMES, num_layers=3, embed_dim=16)
    folder = tmp_path_factory.mktemp("model") / "segmenter"
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def backbone(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model") / "backbone"
    create_model("videomamba_nano", num_classes=3, **MODEL).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "film.mp4"
    write_video(path, np.random.default_rng(0).integers(0, 255, (23, 32, 32, 3)).astype(np.uint8), fps=10)
    return path


@pytest.fixture(scope="session")
def ava(tmp_path_factory):
    return write_ava(tmp_path_factory.mktemp("ava") / "data")


@pytest.fixture(scope="session")
def ava_run(ava, tmp_path_factory):
    """The run folder of some epochs, by the command."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    command = [
        "train",
        "ava",
        str(ava),
        *ava_videos.OPTIONS,
        "--epochs",
        "6",
        "--lr",
        "3e-3",
        "--layer-decay",
        "1",
    ]
    assert main([*command, "--output", str(folder)]) == 0
    return folder
