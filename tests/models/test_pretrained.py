"""What every model has: a head that is made anew, or refused as a whole."""

import pytest
import torch

from tests.models.kinds import MODELS
from videomamba.models import create_model


@pytest.mark.parametrize("name", MODELS)
def test_a_new_classifier_has_as_many_outputs_and_names(name):
    model = create_model(name, **MODELS[name], class_names=["a", "b"])
    torch.manual_seed(0)
    model.reset_classifier(3, class_names=["x", "y", "z"])
    assert (model.num_classes, model.config.num_classes, model.class_names) == (3, 3, ("x", "y", "z"))
    assert 3 in [parameter.shape[0] for parameter in model.parameters()]
    assert 2 not in [parameter.shape[0] for parameter in model.parameters()]
    with pytest.raises(ValueError, match="2 class names for num_classes=4; give one name per class"):
        model.reset_classifier(4, class_names=["a", "b"])
    assert model.num_classes == 3
    with pytest.raises(ValueError, match="2 class names for num_classes=5"):
        type(model)(type(model.config)(num_classes=5), class_names=["a", "b"])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("number", [-1, 2.5, True, "3"])
def test_a_number_of_classes_that_cannot_be_is_refused_and_nothing_changes(name, number):
    model = create_model(name, **MODELS[name], class_names=["a", "b"])
    before = model.state_dict()
    with pytest.raises(ValueError, match=f"num_classes={number!r}; it must be a whole number"):
        model.reset_classifier(number)
    assert (model.num_classes, model.class_names) == (2, ("a", "b"))
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
