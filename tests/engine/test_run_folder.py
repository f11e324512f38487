"""Files of a run appear whole or not at all."""

import dataclasses
import time
from pathlib import Path

import pytest
import torch

from tests.tiny import MODEL, tiny_run
from videomamba.data import Annotations, VideoRecord
from videomamba.data.names import identity
from videomamba.engine.run_folder import RunFolder, same_setting
from videomamba.errors import UserError
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
        write_text(tmp_path / "metrics.csv", "new\ud800")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("metrics.csv", "old")]


def test_default_folders_never_collide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tiny_run(tmp_path, None)
    paths = {RunFolder.of(run).path for _ in range(3)}
    assert len(paths) == 3
    assert all(path.is_dir() and path.parent.name == "runs" for path in paths)
    assert all(path.name.startswith(time.strftime("tiny-%Y")) for path in paths)


def begun(tmp_path):
    """The folder of a run on tmp_path/clips."""
    for name in ("a/1.mp4", "a/2.mp4"):
        (tmp_path / "clips" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "clips" / name).touch()
    run = tiny_run(tmp_path / "clips", tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    folder.write_config(run)
    return folder, run


@pytest.mark.parametrize("begin", ["clips", "."])
def test_a_run_goes_on_with_its_folder_spelled_otherwise(tmp_path, monkeypatch, begin):
    folder, run = begun(tmp_path)
    (tmp_path / "link").symlink_to("clips")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "clips" if begin == "." else tmp_path)

    def at(root):
        return dataclasses.replace(run, data=dataclasses.replace(run.data, root=root))

    folder.write_config(at(Path(begin)))
    monkeypatch.chdir(tmp_path)
    for root in (Path("clips"), tmp_path / "clips", Path("link"), Path("clips/../link")):
        folder.check_config(at(root))
    monkeypatch.chdir(tmp_path / "clips")
    folder.check_config(at(Path()))
    with pytest.raises(UserError, match=rf"was begun with data.root={begin}, not \.\./other"):
        folder.check_config(at(Path("../other")))


def test_other_settings_are_refused_whatever_they_spell(tmp_path):
    folder, run = begun(tmp_path)
    with pytest.raises(UserError, match=r"was begun with optim.lr=0.003, not 0.1"):
        folder.check_config(dataclasses.replace(run, optim=dataclasses.replace(run.optim, lr=0.1)))
    folder.check_config(dataclasses.replace(run, data=dataclasses.replace(run.data, skip_broken=3)))
    assert not same_setting("data.root", "a", "b", {})
    assert not same_setting("data.root", None, str(tmp_path), {})
    assert same_setting("data.root", "gone", str(tmp_path), {"data.root": str(tmp_path)})


def test_splits_are_compared_video_by_video(tmp_path):
    folder, run = begun(tmp_path)
    root = run.data.root
    records = [VideoRecord(root / f"a/{i}.mp4", 0) for i in (1, 2)]
    splits = {part: Annotations((record,), ("a, b",)) for part, record in zip(("train", "test"), records, strict=True)}
    folder.write_splits(splits, root)
    folder.check_splits(splits, root)
    without = {**splits, "train": Annotations((), ("a, b",))}
    with pytest.raises(UserError, match=r"1 rows of its splits.csv are gone or in another part, 0 are new"):
        folder.check_splits(without, root)
    folder.check_splits(without, root, left_out={identity(records[0].path)})
    with pytest.raises(UserError, match=r"2 rows of its splits.csv are gone or in another part, 2 are new"):
        folder.check_splits({"train": splits["test"], "test": splits["train"]}, root)
