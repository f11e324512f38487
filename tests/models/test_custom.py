"""Modules that somebody wrote: what they share is still shared when they are read; what cannot be saved is said."""

import pytest
import torch
from torch import nn

from videomamba.models import CustomModel
from videomamba.preprocessing import Preprocessing

NAMES = ("x", "y", "z")


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)
        self.make()

    def make(self):
        pass

    def forward(self, video):
        return self.b(self.a(video.mean((2, 3, 4))))


class Tied(Base):
    def make(self):
        self.b.weight = self.a.weight


class TwoNames(Base):
    def make(self):
        self.b = self.a


class View(Base):
    def make(self):
        self.register_buffer("whole", torch.arange(6.0))
        self.register_buffer("part", self.whole[1:3])


class Slices(Base):
    """Views that cover each other in part, the smaller one first."""

    def make(self):
        memory = torch.arange(6.0)
        self.register_buffer("part", memory[1:3])
        self.register_buffer("whole", memory)
        self.register_buffer("crossed", memory.view(2, 3).T)


class Twice(Base):
    def make(self):
        self.register_buffer("one", torch.ones(3))
        self.register_buffer("two", self.one)


class Masked(Base):
    def make(self):
        self.register_buffer("mask", torch.tensor([0.0, float("-inf")]))


class Extra(Base):
    def get_extra_state(self):
        return {"calls": 3}

    def set_extra_state(self, state):
        pass


class Expanded(Base):
    def make(self):
        self.register_buffer("wide", torch.ones(1).expand(4))


def model_of(module):
    torch.manual_seed(0)
    return CustomModel(module, class_names=NAMES, preprocessing=Preprocessing(num_frames=4, size=(32, 32))).eval()


@pytest.mark.parametrize("kind", [Base, Tied, TwoNames, View, Slices, Twice, Masked])
def test_what_is_saved_is_what_is_loaded(kind, tmp_path):
    model = model_of(kind())
    with torch.no_grad():
        model.module.a.weight.normal_()
    model.check_savable()
    model.save_pretrained(tmp_path / "m")
    again = CustomModel.load(tmp_path / "m", kind())
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    video = torch.randn(2, 3, 4, 8, 8)
    assert torch.equal(again(video), model(video))


def test_tied_weights_are_still_tied(tmp_path):
    model_of(Tied()).save_pretrained(tmp_path / "m")
    again = CustomModel.load(tmp_path / "m", Tied())
    assert again.module.a.weight is again.module.b.weight
    with torch.no_grad():
        again.module.a.weight.add_(1)
    assert torch.equal(again.module.a.weight, again.module.b.weight)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Extra, r"cannot be saved: module\._extra_state is a dict, not a tensor"),
        (Expanded, r"cannot be loaded again once saved: module\.wide is an expanded tensor"),
    ],
)
def test_what_cannot_be_saved_is_found_out_before_anything_is_written(kind, message, tmp_path):
    model = model_of(kind())
    with pytest.raises(ValueError, match=message):
        model.check_savable()
    with pytest.raises(ValueError, match=message):
        model.save_pretrained(tmp_path / "m")
    assert not list((tmp_path / "m").glob("*.safetensors"))


def test_a_parameter_that_is_not_finite_is_refused(tmp_path):
    model = model_of(Base())
    with torch.no_grad():
        model.module.a.weight[0] = float("nan")
    model.save_pretrained(tmp_path / "m")
    with pytest.raises(ValueError, match=r"module\.a\.weight holds NaN or infinity"):
        CustomModel.load(tmp_path / "m", Base())


def test_names_stay_in_their_order():
    model = model_of(Base())
    assert "3 classes (x, y, z)" in model.set_class_names(NAMES)
    for names in (NAMES[::-1], ("x", "y"), ("x", "y", "w")):
        with pytest.raises(
            ValueError, match="Base has the outputs x, y, z, in this order; change the module to have others"
        ):
            model.set_class_names(names)
    assert model.class_names == NAMES
    with pytest.raises(ValueError, match="Base has 3 outputs; change the module to have 2"):
        model.reset_classifier(2)
