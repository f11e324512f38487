"""``videomamba train --splits all``: one run per split, resumable, and their mean."""

import dataclasses
import json
import shlex
import statistics
from pathlib import Path

import pytest

from tests.tiny import OPTIONS, on_each_step, tiny_run
from videomamba import recipes
from videomamba.cli.main import main
from videomamba.data import Annotations, VideoRecord
from videomamba.data.datasets import FOLDS, LAYOUTS
from videomamba.engine.trainer import Trainer
from videomamba.locks import locked


@pytest.fixture
def three_splits(clips, monkeypatch):
    """A recipe ``threefold`` on a layout of three splits, each holding another clip of a class out."""

    def read(root, *, fold=None):
        records = [
            VideoRecord(p, i) for i, c in enumerate(("blue", "green", "red")) for p in sorted((root / c).iterdir())
        ]
        held_out = [r for r in records if r.path.stem.endswith(f"_{fold or 1}")]
        names = ("blue", "green", "red")
        return {
            "train": Annotations(tuple(r for r in records if r not in held_out), names),
            "test": Annotations(tuple(held_out), names),
        }

    def recipe(data):
        run = tiny_run(data, Path("unused"))
        return dataclasses.replace(
            run, name="threefold", output=None, data=dataclasses.replace(run.data, layout="fake")
        )

    monkeypatch.setitem(LAYOUTS, "fake", read)
    monkeypatch.setitem(FOLDS, "fake", 3)
    monkeypatch.setitem(recipes.RECIPES, "threefold", recipe)
    return ["train", "threefold", str(clips), *OPTIONS, "--epochs", "1", "--splits"]


def test_each_split_is_trained_and_the_mean_written(three_splits, tmp_path, capsys, monkeypatch):
    out = tmp_path / "run"
    assert main([*three_splits, "all", "--output", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == {"run": str(out), **json.loads((out / "result.json").read_text())}
    losses, tops = [], []
    for fold in (1, 2, 3):
        held_out = [line for line in (out / f"split-{fold}" / "splits.csv").read_text().splitlines() if "test" in line]
        assert [line.split(",")[0][-5] for line in held_out] == [str(fold)] * 3
        last = json.loads((out / f"split-{fold}" / "result.json").read_text())["last"]
        losses.append(last["test_loss"])
        tops.append(last["top1"])
    assert len(set(losses)) == 3, "the splits differ, so do their losses"
    assert result["mean"]["last"]["test_loss"] == pytest.approx(statistics.fmean(losses))
    assert result["deviation"]["last"]["test_loss"] == pytest.approx(statistics.stdev(losses))
    table = (out / "result.md").read_text()
    assert f"| mean | {statistics.fmean(tops):.4f} |" in table
    assert "train_" not in table

    def never(self, *_):
        raise AssertionError("a finished split was trained again")

    monkeypatch.setattr(Trainer, "fit", never)
    assert main([*three_splits, "all", "--output", str(out), "--resume"]) == 0
    assert main([*three_splits, "all", "--output", str(out), "--resume", "--frames", "2"]) == 2
    assert "split-1 was begun with facts.architecture.num_frames=4, not 2" in capsys.readouterr().err


def test_an_interrupted_split_goes_on_and_finished_ones_stay(three_splits, tmp_path, capsys, monkeypatch):
    trained = []

    def interrupted(trainer, loss):
        trained.append(trainer.folder.path.name)
        trainer.flag.requested = trainer.folder.path.name == "split-2" and trainer.at.step == 2  # as the signal does

    on_each_step(monkeypatch, interrupted)
    monkeypatch.chdir(tmp_path)
    assert main([*three_splits, "all"]) == 130
    command = shlex.split(capsys.readouterr().err.splitlines()[-1].split("go on with: ")[1])
    assert command[-1] == "--resume"
    assert command[-2].startswith("runs/threefold-")
    assert trained == ["split-1"] * 3 + ["split-2"] * 2
    on_each_step(monkeypatch, lambda trainer, loss: trained.append(trainer.folder.path.name))
    trained.clear()
    output = tmp_path / command[-2]
    for place in (output, output / "split-2"):  # of the second the others are made
        with locked(place):
            assert main(command[1:]) == 2
        assert f"{place.relative_to(tmp_path)} is being written by another process" in capsys.readouterr().err
        assert not (output / "result.json").exists()
    assert main(command[1:]) == 0
    assert trained == ["split-3"] * 3 + ["split-2"] * 1
    assert (output / "result.md").is_file()


def test_one_split_is_an_ordinary_run(three_splits, tmp_path):
    out = tmp_path / "run"
    assert main([*three_splits, "3", "--output", str(out)]) == 0
    assert "red_3.mp4,red,test" in (out / "splits.csv").read_text()


def test_splits_that_are_not_there(three_splits, fails, clips):
    assert "--splits 4: data in the layout 'fake' has splits 1 to 3" in fails(*three_splits, "4")
    assert "--splits 2: data in the layout 'folder' has one split" in fails("train", clips, "--splits", "2")
    assert "colours has one split; several published splits have" in fails("train", clips, "--splits", "all")
