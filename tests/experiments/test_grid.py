"""Which runs of a grid are there already."""

import dataclasses

import pytest

from tests.tiny import quiet, tiny_run
from videomamba.engine.run_folder import RunFolder, identity
from videomamba.errors import UserError
from videomamba.experiments import run
from videomamba.experiments.grid import Cell, Grid


def changed(config, **parts):
    return dataclasses.replace(
        config, **{name: dataclasses.replace(getattr(config, name), **values) for name, values in parts.items()}
    )


@pytest.fixture
def config(trained, clips):
    return tiny_run(clips, trained.folder, epochs=1)


def found(config, *elsewhere):
    cell = Cell(config, config.seed)
    return Grid([cell]).find(elsewhere)[cell]


def test_a_finished_run_is_found_in_its_folder(config):
    assert found(config).path == config.output


def test_an_equal_run_is_found_elsewhere(config, trained, tmp_path):
    new = dataclasses.replace(config, output=tmp_path / "new")
    assert found(new) is None
    assert found(new, RunFolder(trained.folder)).path == trained.folder
    # the same architecture and input, in other words
    spelled = changed(new, data={"num_frames": 4, "size": 32, "workers": 2})
    assert found(spelled, RunFolder(trained.folder)).path == trained.folder


@pytest.mark.parametrize(
    "other",
    [
        {"optim": {"lr": 0.5}},
        {"optim": {"mixup": 0.5}},
        {"data": {"stride": 2}},
        {"model": {"overrides": {"depth": 3, "embed_dim": 32, "num_frames": 4, "img_size": 32}}},
    ],
)
def test_another_run_is_not_taken_for_it(config, trained, tmp_path, other):
    new = changed(dataclasses.replace(config, output=tmp_path / "new"), **other)
    assert found(new, RunFolder(trained.folder)) is None
    with pytest.raises(ValueError, match="was begun with"):
        found(changed(config, **other))


def test_another_seed_is_another_run(config, trained, tmp_path):
    new = dataclasses.replace(config, output=tmp_path / "new", seed=1)
    assert found(new, RunFolder(trained.folder)) is None


def test_what_follows_from_a_runs_data_is_not_compared():
    run = {"seed": 0, "optim": {"epochs": 3, "min_steps": 0, "batch_size": 8, "total_batch": None}, "name": "a"}
    assert identity(run)["optim.epochs"] == 3
    shared = {**run, "optim": {"epochs": 3, "min_steps": 0, "batch_size": 32, "total_batch": 64}}
    assert "name" not in identity(run)
    assert "optim.batch_size" in identity(run)
    assert "optim.batch_size" not in identity(shared)


def test_runs_of_another_length_differ_also_where_steps_are_asked_for(config, tmp_path):
    """Twelve videos in batches of 4: three steps an epoch. Steps that are asked for make more epochs, or do not."""
    grown = changed(dataclasses.replace(config, output=tmp_path / "run"), optim={"epochs": 1, "min_steps": 4})
    run(grown, console=quiet())
    made, new = RunFolder(grown.output), dataclasses.replace(grown, output=tmp_path / "new")
    assert len(made.metrics()) == made.config()["facts"]["epochs"] == 2
    assert found(grown).path == grown.output
    assert found(new, made).path == grown.output
    run(grown, console=quiet(), resume=True)
    assert found(changed(new, optim={"epochs": 200}), made) is None
    with pytest.raises(UserError, match=r"was begun with optim.epochs=1, not 200"):
        run(changed(grown, optim={"epochs": 200}), console=quiet(), resume=True)


def test_a_cell_says_which_it_is(config):
    assert str(Cell(config, 0, "spatial", "2")) == "spatial, seed 0, fold 2"
    assert str(Cell(config, 1)) == "seed 1"
