"""Pickled files as training code writes them: read whatever stands beside the weights, and nothing in them is run."""

import argparse
import collections
import datetime
import decimal
import enum
import functools
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.weights.foreign_files import random_weights
from videomamba.models.weights.readers import read_checkpoint


class Colour(enum.Enum):
    RED = 1


class Settings(dict):
    """A dictionary with manners, as many configuration libraries have one."""


class Odd:
    def __init__(self):
        self.x = [np.float32(1)]


WEIGHTS = random_weights(32, 2, classes=3, slots=5, frames=4)
BESIDE = {
    "numpy scalars": {"accuracy": np.float64(81.2), "epoch": np.int64(3), "b": np.bool_(True), "s": np.str_("x")},
    "numpy arrays": {"a": np.arange(3), "f": np.zeros((2, 2), order="F"), "d": np.dtype("f4"), "o": np.array([{}, 1])},
    "numpy random": {"rng": np.random.get_state(), "generator": np.random.default_rng(0)},
    "paths": {"args": argparse.Namespace(output_dir=Path("x"), model="videomamba_tiny"), "cfg": {"a": Path("y")}},
    "dates": {"at": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), "took": datetime.timedelta(1)},
    "enums": {"colour": Colour.RED, Colour.RED: 1},
    "containers": {
        "ordered": collections.OrderedDict(a=1),
        "default": collections.defaultdict(list, {1: [2]}),
        "counted": collections.Counter("aab"),
        "deque": collections.deque([1]),
        "set": {1, 2},
    },
    "numbers": {"d": decimal.Decimal("1.2"), "c": 1j, "r": range(3)},
    "objects": {"odd": Odd(), "settings": Settings(a=Settings(b=1)), "partial": functools.partial(Odd, 1)},
    "torch": {"dtype": torch.float16, "device": torch.device("cpu"), "size": torch.Size([2])},
    "optimiser": {
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3), "step": torch.tensor(1.0)}}, "param_groups": [{}]},
        "best": np.float64(1),
    },
}


def right(path):
    checkpoint = read_checkpoint(path)
    assert torch.equal(checkpoint.weights["norm.weight"], WEIGHTS["norm_f.weight"])
    return checkpoint


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("beside", BESIDE)
def test_what_stands_beside_the_weights_is_no_obstacle(beside, zipped, tmp_path):
    path = tmp_path / "videomamba_t.pth"
    torch.save({"model": WEIGHTS, **BESIDE[beside]}, path, _use_new_zipfile_serialization=zipped)
    right(path)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_weights_as_numpy_arrays(protocol, tmp_path):
    path = tmp_path / "videomamba_t.pth"
    arrays = {name: value.numpy() for name, value in WEIGHTS.items()}
    arrays["norm_f.weight"] = arrays["norm_f.weight"].astype(">f8")
    torch.save({"model": Settings(arrays)}, path, pickle_protocol=protocol)
    right(path)


class Bomb:
    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    "bomb",
    [
        Bomb(os.system, "touch exploded"),
        Bomb(eval, "open('exploded', 'w')"),
        Bomb(open, "exploded", "w"),
        Bomb(exec, "open('exploded', 'w')"),
        Bomb(os.mkdir, "exploded"),
    ],
    ids=lambda bomb: bomb.function.__name__,
)
def test_a_function_in_the_file_is_named_and_not_run(bomb, zipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": WEIGHTS, "x": bomb}, "videomamba_t.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=rf"would run code from the file \(\w+\.{bomb.function.__name__}\)"):
        read_checkpoint("videomamba_t.pth")
    assert not Path("exploded").exists()


def test_classes_in_the_file_are_not_made_and_not_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = dict(vars(argparse.Namespace))
    torch.save({"model": WEIGHTS, "x": Bomb(subprocess.Popen, ["touch", "exploded"])}, "videomamba_t.pth")
    right("videomamba_t.pth")
    assert not Path("exploded").exists()
    assert dict(vars(argparse.Namespace)) == before


def test_a_whole_pickled_module_is_said_to_be_one(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "net.pth")
    with pytest.raises(ValueError, match=r"net\.pth holds no weights of Vim|a whole pickled module"):
        read_checkpoint(tmp_path / "net.pth")
