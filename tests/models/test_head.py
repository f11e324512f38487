"""Which output has which name after fine-tuning begins: kept, permuted, or new, and said."""

import pytest
import torch

from tests.models.kinds import MODELS
from videomamba.models import Detector, create_model, load_model
from videomamba.models.head import order_of


@pytest.fixture
def saved(tmp_path):
    def save(name="videomamba_nano", class_names=None, **options):
        torch.manual_seed(0)
        model = create_model(name, class_names=class_names, **{**MODELS[name], **options})
        model.save_pretrained(tmp_path / "m")
        return tmp_path / "m"

    return save


@pytest.mark.parametrize(
    ("new", "old", "order"),
    [
        (("a", "b"), ("a", "b"), [0, 1]),
        (("b", "a"), ("a", "b"), [1, 0]),
        (("c", "a", "b"), ("a", "b", "c"), [2, 0, 1]),
        (("a", "b"), None, [0, 1]),
        (("0", "1", "10", "2"), None, [0, 1, 3, 2]),
        (("1", "2", "3"), None, [0, 1, 2]),
        (("a", "c"), ("a", "b"), None),
        (("a",), ("a", "b"), None),
        (("a", "b", "c"), None, None),
        (("a", "a"), ("a", "a"), [0, 1]),
    ],
)
def test_order(new, old, order):
    assert order_of(new, old, 2 if old is None and new == ("a", "b", "c") else len(old or new)) == order


@pytest.mark.parametrize("name", MODELS)
def test_the_same_names_in_another_order_permute_the_head(name, saved):
    folder = saved(name, ("wave", "clap", "bow"))
    old, new = load_model(folder), load_model(folder)
    assert new.set_class_names(("bow", "wave", "clap")) == (
        "head permuted: it has the same classes in another order; now 3 classes (bow, wave, clap)"
    )
    old.double(), new.double()  # the products' order is another one
    if name in ("asformer", "mstcn2"):
        features = torch.randn(1, 4, 9).double()
        a, b = old(features), new(features)
        torch.testing.assert_close(b, a[:, :, [2, 0, 1]])
        return
    clip = old.preprocessing
    video = torch.randn(1, 3, clip.num_frames, *clip.size).double()
    given = (video, torch.tensor([[[2.0, 2, 40, 40]]]).double()) if isinstance(old, Detector) else (video,)
    with torch.no_grad():
        torch.testing.assert_close(new(*given), old(*given)[..., [2, 0, 1]])


def test_the_same_names_in_the_same_order_keep_it(saved):
    model = load_model(saved(class_names=("a", "b")))
    before = model.head.weight.clone()
    assert model.set_class_names(["a", "b"]) == "head kept: 2 classes (a, b)"
    assert torch.equal(model.head.weight, before)


def test_other_names_start_a_new_one(saved):
    model = load_model(saved(class_names=("a", "b")))
    before = model.head.weight.clone()
    assert model.set_class_names(["a", "c"]) == "head new: 2 classes (a, c)"
    assert not torch.equal(model.head.weight, before)
    assert model.set_class_names(["c", "a"]).startswith("head new")  # it is not a trained one


def test_names_of_a_model_that_was_trained_in_memory_are_permuted_too():
    model = create_model("videomamba_nano", depth=1, class_names=["a", "b"])
    before = model.head.weight.clone()
    model.set_class_names(["b", "a"])
    assert torch.equal(model.head.weight, before.flip(0))


def test_a_head_without_names_says_what_its_outputs_are_taken_to_be(saved):
    model = load_model(saved(num_classes=2))
    assert model.set_class_names(["x", "y"]) == (
        "head kept: its outputs had no names and are taken to be, in this order, 2 classes (x, y)"
    )


def test_numbers_name_the_outputs_in_natural_order(saved):
    """Twelve folders 0 to 11 are sorted as texts: 0, 1, 10, 11, 2, ...; output 5 must stay class 5."""
    names = sorted(str(i) for i in range(12))
    model = load_model(saved(num_classes=12))
    before = model.head.weight.clone()
    assert model.set_class_names(names).startswith("head permuted")
    for i, name in enumerate(names):
        assert torch.equal(model.head.weight[i], before[int(name)])


def test_a_checkpoint_for_other_classes_has_a_new_head(saved):
    folder = saved(num_classes=3)
    model = create_model("videomamba_nano", pretrained=folder, depth=1, class_names=["a", "b"])
    assert model.notes == ("head new: 2 classes (a, b)",)
    kept = create_model("videomamba_nano", pretrained=folder, depth=1, class_names=["a", "b", "c"])
    assert kept.notes[0].startswith("head kept")
