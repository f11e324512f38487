"""Where in a file the weights are: under any key, if only one dictionary fits; else what is there is said."""

import pytest
import torch

from tests.models.weights.foreign_files import random_weights
from videomamba.models import convert
from videomamba.models.weights.readers import read_checkpoint
from videomamba.models.weights.tensor_file import read_tensor_files

WEIGHTS = random_weights(32, 2, classes=3, slots=5, frames=4)
OTHER = {name: value + 1 for name, value in WEIGHTS.items()}


def save(content, tmp_path):
    path = tmp_path / "videomamba_t.pth"
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    "wrap",
    [
        lambda w: {"model_ema": w},
        lambda w: {"model": {"ema": w}},
        lambda w: {"net_g": {"params": w}, "loss": {"a": torch.ones(3)}},
        lambda w: {"state_dict": {f"module.model.{name}": value for name, value in w.items()}, "epoch": 1},
        lambda w: {"model": {"n_averaged": torch.tensor(3), **{f"module.{n}": v for n, v in w.items()}}},
    ],
    ids=["ema", "nested", "any", "prefixes", "averaged"],
)
def test_wrappers_of_any_name(wrap, tmp_path):
    checkpoint = read_checkpoint(save(wrap(WEIGHTS), tmp_path))
    assert torch.equal(checkpoint.weights["norm.weight"], WEIGHTS["norm_f.weight"])
    assert checkpoint.notes == ()


def test_an_average_beside_plain_weights_is_mentioned(tmp_path):
    path = save({"model": WEIGHTS, "model_ema": OTHER}, tmp_path)
    checkpoint = convert(path, tmp_path / "ours")
    assert torch.equal(checkpoint.weights["norm.weight"], WEIGHTS["norm_f.weight"])
    assert len(checkpoint.notes) == 1
    assert "also holds weights under model_ema (an average, such as EMA?); those under model are taken" in str(
        checkpoint.notes
    )


def test_two_models_are_not_chosen_from(tmp_path):
    with pytest.raises(ValueError, match="holds several models, under net_a, net_b; save only the one you mean"):
        read_checkpoint(save({"net_a": WEIGHTS, "net_b": OTHER}, tmp_path))


def test_the_keys_that_are_there_are_listed(tmp_path):
    with pytest.raises(ValueError, match=r"holds no weights: .*; its keys are epoch, args"):
        read_checkpoint(save({"epoch": 1, "args": {"lr": 1}}, tmp_path))
    with pytest.raises(ValueError, match=r"it has tensors such as conv\.weight under net"):
        read_checkpoint(save({"net": {"conv.weight": torch.ones(2)}}, tmp_path))


def test_every_dictionary_is_found_once(tmp_path):
    path = save({"a": {"x": torch.ones(1)}, "b": {"c": {"y": torch.ones(1)}}, "n": 3}, tmp_path)
    assert [(file.keys, list(file.tensors)) for file in read_tensor_files(path)] == [
        (("a",), ["x"]),
        (("b", "c"), ["y"]),
    ]
