"""Files of a run appear whole or not at all."""

import time

import pytest
import torch
from tiny import MODEL, tiny_run

from videomamba.engine.run_folder import RunFolder
from videomamba.files import write_text
from videomamba.models import create_model, load_model


def model(fill):
    made = create_model("videomamba_nano", num_classes=2, **MODEL)
    torch.nn.init.constant_(made.head.bias, fill)
    return made


def test_a_model_is_replaced_and_nothing_else_stays(tmp_path):
    folder = RunFolder(tmp_path)
    for fill in (1.0, 2.0):
        folder.save(model(fill), folder.best)
        assert load_model(folder.best).head.bias.tolist() == [fill, fill]
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_a_failed_first_save_leaves_no_folder(tmp_path, monkeypatch):
    folder, broken = RunFolder(tmp_path), model(1.0)

    def half(weights, file, **_):
        file.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr("safetensors.torch.save_file", half)
    with pytest.raises(OSError, match="disk full"):
        folder.save(broken, folder.last)
    assert list(tmp_path.iterdir()) == []


def test_text_that_cannot_be_written_leaves_the_old(tmp_path):
    write_text(tmp_path / "metrics.csv", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "metrics.csv", "new\udc80")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("metrics.csv", "old")]


def test_default_folders_never_collide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tiny_run(tmp_path, None)
    paths = {RunFolder.of(run).path for _ in range(3)}
    assert len(paths) == 3
    assert all(path.is_dir() and path.parent.name == "runs" for path in paths)
    assert all(path.name.startswith(time.strftime("tiny-%Y")) for path in paths)
