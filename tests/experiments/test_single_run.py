"""A run from Python, and what it costs: one model, one look at the checkpoint."""

import dataclasses

import pytest
import torch

from tests.tiny import quiet, tiny_run, write_clips
from videomamba.engine import model as engine_model
from videomamba.engine.run_folder import RunFolder
from videomamba.experiments import run
from videomamba.models import VideoMamba, load_model


@pytest.fixture
def counted(monkeypatch):
    """The devices of the models that are made, and how often a checkpoint is read."""
    made, read = [], []
    build, read_checkpoint = VideoMamba.__init__, engine_model.read_checkpoint

    def building(self, *args, **options):
        made.append(torch.get_default_device().type)
        build(self, *args, **options)

    def reading(*args):
        read.append(args)
        return read_checkpoint(*args)

    monkeypatch.setattr(VideoMamba, "__init__", building)
    monkeypatch.setattr(engine_model, "read_checkpoint", reading)
    return made, read


def test_a_run_without_a_command_line(trained, clips):
    folder = RunFolder(trained.folder)
    assert folder.begun
    assert folder.over
    assert folder.config()["data"]["root"] == str(clips)
    assert folder.result()["last"] == trained.last
    assert folder.result()["minutes"] == trained.minutes > 0
    assert [row["split"] for row in folder.splits()].count("test") == len(trained.splits.test) == 3
    assert [row["epoch"] for row in folder.metrics()] == ["1"]


def test_a_model_is_built_once(clips, tmp_path, counted):
    made, read = counted
    run(tiny_run(clips, tmp_path / "run", epochs=1), console=quiet())
    assert made.count("cpu") == 1
    assert read == []


def test_a_checkpoint_is_read_once_and_its_model_built_once(clips, trained, tmp_path, counted):
    made, read = counted
    config = tiny_run(clips, tmp_path / "run", epochs=1)
    start = dataclasses.replace(config.model, start=str(trained.folder / "last"), overrides={})
    result = run(dataclasses.replace(config, model=start), console=quiet())
    assert made.count("cpu") == 1
    assert len(read) == 1
    assert load_model(result.folder / "last").source.startswith("fine-tuned")


def test_what_the_model_cannot_do_is_found_before_videos_are_read(tmp_path):
    config = tiny_run(write_clips(tmp_path / "clips", per_class=2), tmp_path / "run")
    detector = dataclasses.replace(config.model, name="videomamba_nano_detector", overrides={})
    (tmp_path / "clips" / "red" / "red_0.mp4").write_bytes(b"no video")
    with pytest.raises(ValueError, match="detector"):
        run(dataclasses.replace(config, model=detector, data=dataclasses.replace(config.data, root=tmp_path / "gone")))
    assert not (tmp_path / "run").exists()


def test_minutes_of_all_sessions_are_kept(clips, tmp_path):
    config = tiny_run(clips, tmp_path / "run")

    def stop(trainer, loss):
        trainer.at.minutes = 7.0  # as if an earlier session had taken so long
        trainer.flag.requested = True

    with pytest.raises(KeyboardInterrupt):
        run(config, console=quiet(), on_step=stop)
    assert not RunFolder(config.output).over
    assert 7 < run(config, console=quiet(), resume=True).minutes < 8
