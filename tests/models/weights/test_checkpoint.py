"""A model as data: tensors that are not its configuration's, or not finite, are named."""

from pathlib import Path

import pytest
import torch

from videomamba.errors import UserError
from videomamba.models.config import VideoMambaConfig
from videomamba.models.weights.checkpoint import (
    Checkpoint,
    check_finite,
    check_tensors,
    first_names,
    usual_class_names,
)

EXPECTED = {"a": torch.zeros(2, 3), "b": torch.zeros(2)}
FILE = Path("model.safetensors")


def checked(**weights):
    check_tensors(Checkpoint(VideoMambaConfig(), weights, None, None, path=FILE), EXPECTED)


def test_the_tensors_of_the_configuration_pass_in_another_precision():
    checked(a=torch.zeros(2, 3, dtype=torch.bfloat16), b=torch.zeros(2))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"a": torch.zeros(2, 3)}, "model.safetensors lacks tensor b: not this model's weights"),
        ({**EXPECTED, "c": torch.zeros(1)}, "has the unknown tensor c"),
        ({**EXPECTED, "b": torch.zeros(3)}, r"b has shape \(3,\), but config.json beside it describes .* \(2,\)"),
        ({**EXPECTED, "b": torch.zeros(2, dtype=torch.int64)}, "b has dtype torch.int64, but the model's is"),
        ({**EXPECTED, "b": torch.zeros(2, dtype=torch.complex64)}, "b has dtype torch.complex64"),
    ],
)
def test_tensors_of_another_model_are_named(weights, message):
    with pytest.raises(UserError, match=message):
        checked(**weights)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -2e18])
def test_a_value_that_breaks_the_model_is_named(value):
    good = {"n": torch.tensor([7]), "none": torch.zeros(0), "w": torch.tensor([1.0, -1e9])}
    check_finite(FILE, good)
    with pytest.raises(UserError, match=r"model\.safetensors: w holds .*; this checkpoint is broken"):
        check_finite(FILE, {**good, "w": torch.tensor([1.0, value])})


def test_a_number_of_outputs_that_one_data_set_is_known_for():
    assert usual_class_names(174)[0] == "Approaching something with your camera"
    assert len(usual_class_names(400)) == 400
    assert usual_class_names(51) is None


def test_a_message_names_three_tensors():
    assert first_names({"c", "a", "b"}) == "a, b, c"
    assert first_names("dcba") == "a, b, c ..."
