"""A segmenter through the engine: published optimiser, resumed bit for bit, several splits."""

import dataclasses
import json
import math

import pytest
import torch

from tests.mstcn_folder import write_mstcn
from videomamba.engine import load_splits, train
from videomamba.models import load_model
from videomamba.recipes import RECIPES
from videomamba.tasks.catalogue import make_task

SMALL = {"num_layers": 3, "embed_dim": 16, "num_decoders": 1}


def small_run(root, output, **optim):
    run = RECIPES["gtea"](root)
    return dataclasses.replace(
        run,
        data=dataclasses.replace(run.data, workers=0),
        model=dataclasses.replace(run.model, overrides={**run.model.overrides, **SMALL}),
        optim=dataclasses.replace(run.optim, epochs=4, **optim),
        output=output,
        device="cpu",
        trackers=(),
    )


def train_small(run, **options):
    splits = load_splits(run.data, seed=0)
    return train(run, make_task(run.task, splits.train.class_names), splits, **options)


def test_it_learns_and_the_files_are_whole(tmp_path):
    root = write_mstcn(tmp_path / "data")
    result = train_small(small_run(root, tmp_path / "run", lr=1e-2))
    assert result.last["MoF"] > 60
    assert set(result.last) > {"MoF", "Edit", "F1@10", "F1@25", "F1@50", "train_MoF"}
    assert 1 < result.last["train_MoF"] <= 100
    model = load_model(tmp_path / "run" / "last")
    assert model.config.input_dim == 6
    assert model.class_names == ("pour", "stir", "background")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["facts"]["preprocessing"] == {"stride": 1}


def test_a_resumed_run_ends_with_the_same_weights(tmp_path):
    root = write_mstcn(tmp_path / "data")
    run = dataclasses.replace(small_run(root, tmp_path / "whole"), checkpoint_steps=4)
    train_small(run)
    broken = dataclasses.replace(run, output=tmp_path / "broken")
    splits = load_splits(run.data, seed=0)
    task = make_task(run.task, splits.train.class_names)
    count, correct = 0, task.correct

    def stop(outputs, batch):
        nonlocal count
        count += 1
        if count == 8:
            raise RuntimeError("power cut")
        return correct(outputs, batch)

    task.correct = stop
    with pytest.raises(RuntimeError, match="power cut"):
        train(broken, task, splits)
    train_small(broken, resume=True)
    a, b = (load_model(tmp_path / name / "last").state_dict() for name in ("whole", "broken"))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_stride_is_kept_with_the_model(tmp_path):
    root = write_mstcn(tmp_path / "data", splits=5)
    run = small_run(root, tmp_path / "run")
    run = dataclasses.replace(run, data=dataclasses.replace(run.data, stride=2, layout="50salads"))
    result = train_small(run)
    assert load_model(tmp_path / "run" / "last").preprocessing.stride == 2
    assert math.isfinite(result.last["MoF"])
