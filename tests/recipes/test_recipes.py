"""Recipes are configurations that people can name and read."""

import inspect
from pathlib import Path

import pytest

from videomamba.data.datasets.ava_options import AvaOptions
from videomamba.data.synthetic import class_names
from videomamba.engine import RunConfig
from videomamba.models import list_models
from videomamba.models.catalogue import CATALOGUE
from videomamba.recipes import RECIPES, folder


def test_a_folder_trains_the_small_model_from_scratch(tmp_path):
    run = folder(tmp_path / "birds")
    assert (run.name, run.data.root, run.model.name, run.model.start) == (
        "birds",
        tmp_path / "birds",
        "videomamba_nano",
        None,
    )


def test_jhmdb_is_the_small_model_on_its_own_layout(tmp_path):
    run = RECIPES["jhmdb"](tmp_path)
    assert (run.name, run.data.layout, run.data.size, run.model.name) == ("jhmdb", "jhmdb", (64, 80), "videomamba_nano")
    assert run.optim == folder(tmp_path).optim


def test_a_start_is_fine_tuned_shorter_and_slower(tmp_path):
    scratch, tuned = folder(tmp_path), folder(tmp_path, start="hub/model")
    assert tuned.model.start == "hub/model"
    assert tuned.optim.lr < scratch.optim.lr
    assert tuned.optim.epochs < scratch.optim.epochs


def test_every_recipe_is_a_run_with_its_command_in_the_docstring(tmp_path):
    for name, recipe in RECIPES.items():
        run = recipe(tmp_path)
        assert isinstance(run, RunConfig)
        assert (run.name, run.data.root) == (name, tmp_path)
        assert isinstance(recipe(None).data.root, Path)
        assert run.model.start or run.model.name in list_models()
        if "start" not in recipe.options:  # those commands test_published.py runs
            assert f"videomamba train {name}" in inspect.getdoc(recipe)


def test_synthetic_motions_are_rendered_and_never_flipped():
    run = RECIPES["synthetic_motions"](None)
    assert len(class_names(run.data.synthetic.level)) >= 8
    assert run.data.augmentation.flip is False, "a mirror image turns the other way round"


def test_ava_is_what_its_docstring_says():
    run = RECIPES["ava"](None)
    o, d = run.optim, run.data
    assert (d.num_frames, d.stride, d.size, run.task, d.layout) == (16, 4, 224, "detection", "ava")
    assert (o.lr, o.batch_size, o.epochs, o.warmup_epochs, o.weight_decay) == (2.5e-4, 128, 30, 5.0, 0.05)
    assert o.layer_decay**24 == pytest.approx(0.6**12, rel=0.02)
    assert (run.model.drop_path_rate, o.label_smoothing, d.augmentation.rand_ops) == (0.2, 0.0, 0)
    assert CATALOGUE[run.model.name].dropout == 0.5
    assert AvaOptions(train_detections="boxes.csv").score_threshold == 0.8
    assert AvaOptions(train_detections="boxes.csv").train_boxes == "both"
