"""Every architecture's classifier, for other classes."""

import pytest
import torch

from videomamba.models import create_model

MODELS = {
    "videomamba_nano": {"depth": 1},
    "videomamba_nano_detector": {"depth": 1},
    "video_swin_t": {},
    "asformer": {"input_dim": 4, "num_layers": 2, "num_decoders": 1},
    "mstcn2": {"input_dim": 4, "num_layers": 2},
}


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
