"""Options that are fields of a run's configuration: what is given changes them, and nothing else does."""

import dataclasses
from pathlib import Path

import pytest

from tests.tiny import tiny_run
from videomamba.cli.common.flags import OPTIONS, configured, errors_name_options, given
from videomamba.errors import FieldError, UserError


def test_switches_that_are_off_are_not_given_and_their_opposites_turn_off():
    flags = {"in_memory": False, "flip": False, "no_flip": True, "no_compile": False, "epochs": 3}
    assert given(flags) == {"flip": False, "epochs": 3}


def test_options_reach_the_part_that_has_the_field():
    run = dataclasses.replace(tiny_run(Path("x"), Path("y")), seed=3)
    new = configured(run, {"lr": 0.5, "drop_path_rate": 0.2, "flip": False, "in_memory": True, "workers": 0, "seed": 9})
    assert (new.optim.lr, new.model.drop_path_rate, new.data.in_memory, new.seed) == (0.5, 0.2, True, 9)
    assert new.data.augmentation.flip is False
    assert configured(run, {"workers": 0}) == run


def test_a_batch_size_that_is_given_is_a_processes_own():
    run = tiny_run(Path("x"), Path("y"), total_batch=64)
    assert configured(run, {"workers": 0, "lr": 0.5}).optim.total_batch == 64
    assert configured(run, {"workers": 0, "batch_size": 8}).optim.total_batch is None
    with pytest.raises(FieldError, match="batch_size follows from total_batch: give one of them"):
        configured(run, {"workers": 0, "batch_size": 8, "total_batch": 16})


@pytest.mark.parametrize("name", ["warmup_epochs", "min_lr"])
def test_what_a_schedule_has_no_use_for_is_refused(name):
    run = tiny_run(Path("x"), Path("y"), schedule="plateau")
    with pytest.raises(FieldError, match=f"schedule='plateau' has no use for {name}; leave it out"):
        configured(run, {"workers": 0, name: 0.5})
    assert getattr(configured(run, {"workers": 0, name: 0.5, "schedule": "cosine"}).optim, name) == 0.5


def test_augmentation_that_does_not_happen_is_refused():
    run = tiny_run(Path("x"), Path("y"))
    with pytest.raises(FieldError, match="rand_prob needs rand_ops"):
        configured(run, {"workers": 0, "rand_prob": 0.5})
    assert configured(run, {"workers": 0, "rand_prob": 0.5, "rand_ops": 2}).data.augmentation.rand_prob == 0.5
    with pytest.raises(FieldError, match="features of frames are not augmented: leave out flip"):
        configured(dataclasses.replace(run, task="segmentation"), {"workers": 0, "flip": False})


def test_epochs_that_are_given_are_not_stretched():
    run = tiny_run(Path("x"), Path("y"), min_steps=500)
    assert configured(run, {"workers": 0, "epochs": 3}).optim.min_steps == 0
    assert configured(run, {"workers": 0}).optim.min_steps == 500


def test_errors_say_the_option_that_sets_the_field():
    assert OPTIONS["batch_size"].split()[0] == "--batch-size"
    assert OPTIONS["resume"] == "--resume"
    run = tiny_run(Path("x"), Path("y"))
    with pytest.raises(UserError, match="--epochs") as error, errors_name_options():
        configured(run, {"workers": 0, "epochs": 0})
    assert not isinstance(error.value, FieldError)
    with pytest.raises(KeyError), errors_name_options():
        raise KeyError("of ours")
