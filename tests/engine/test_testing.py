"""Training on train/, val/ and test/: val picks the best epoch, test is tested once with what was picked."""

import dataclasses
import io
import json

import pytest
from rich.console import Console

from tests.tiny import tiny_run, write_clips
from videomamba.data import read_csv
from videomamba.engine import evaluate, evaluation_loader, load_splits, train
from videomamba.engine import testing as testing_module
from videomamba.engine.device import make_accelerator
from videomamba.models import load_model
from videomamba.tasks.recognition import Recognition

NAMES = ("blue", "green", "red")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("parts")
    for seed, (part, count) in enumerate((("train", 3), ("val", 1), ("test", 2))):
        write_clips(root / part, per_class=count, seed=seed)
    return root


def report(model, part):
    task = Recognition(NAMES)
    accelerator = make_accelerator("cpu")
    loader = evaluation_loader(task, part, model.preprocessing, batch_size=4, workers=0)
    return evaluate(model, task, loader, accelerator)


@pytest.mark.parametrize("ema", [None, 0.5])
def test_val_picks_and_test_is_tested(root, tmp_path, monkeypatch, ema):
    run = tiny_run(root, tmp_path / "run", epochs=2, ema=ema)
    splits = load_splits(run.data, seed=0)
    assert {name: len(part) for name, part in splits.items()} == {"train": 9, "val": 3, "test": 6}
    tested = []
    real = testing_module.evaluate

    def first_is_best(model, task, loader, accelerator, **options):
        tested.append(len(loader.dataset))
        found = real(model, task, loader, accelerator, **options)
        return {**found, "top1": 1.0 if len(tested) == 1 else 0.5} if len(loader.dataset) == 3 else found

    monkeypatch.setattr(testing_module, "evaluate", first_is_best)
    said = io.StringIO()
    result = train(run, Recognition(NAMES), splits, console=Console(file=said))
    assert tested == [3, 3, 6, 6]
    assert (result.best["epoch"], result.last["epoch"]) == (1, 2)
    assert "val_loss" in result.best
    assert "test_loss" not in result.best
    written = json.loads((run.output / "result.json").read_text())
    for name in ("best", "last"):
        expected = report(load_model(run.output / name), splits["test"])
        assert result.test[name]["loss"] == pytest.approx(expected["loss"], rel=1e-5)
        assert written["test"][name]["count"] == 6
    assert result.test["best"]["loss"] != result.test["last"]["loss"]
    assert " val 50.0 %" in said.getvalue()
    again = read_csv(run.output / "splits.csv", root=root)
    assert {name: part.records for name, part in again.items()} == {name: p.records for name, p in splits.items()}
    # a run that is over is tested again, with the weights that it had
    resumed = train(run, Recognition(NAMES), splits, resume=True, console=Console(file=io.StringIO()))
    assert resumed.test["last"]["loss"] == pytest.approx(result.test["last"]["loss"], rel=1e-5)


def test_two_parts_have_no_test_at_the_end(root, tmp_path):
    run = tiny_run(root, tmp_path / "run", epochs=1)
    splits = load_splits(run.data, seed=0)
    splits = dataclasses.replace(splits, val=None)
    result = train(run, Recognition(NAMES), splits, console=Console(file=io.StringIO()))
    assert result.test is None
    assert "test_loss" in result.best
