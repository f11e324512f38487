"""One batch's way through the model, and a state that is put back."""

import copy

import pytest
import torch

from tests.tiny import MODEL
from videomamba import create_model
from videomamba.engine import OptimConfig
from videomamba.engine.device import make_accelerator
from videomamba.engine.learner import Learner, NotFinite
from videomamba.tasks.recognition import Recognition

NAMES = ("blue", "green", "red")


def learner(**optim):
    torch.manual_seed(0)
    model = create_model("videomamba_nano", **MODEL, num_classes=3)
    accelerator = make_accelerator("cpu", accumulate=optim.get("accumulate", 1))
    settings = OptimConfig(epochs=2, warmup_epochs=0, label_smoothing=0.0, **optim)
    return Learner(model, settings, Recognition(NAMES), accelerator, batches_per_epoch=4)


def batch(seed):
    generator = torch.Generator().manual_seed(seed)
    return {"video": torch.rand(2, 3, 4, 32, 32, generator=generator), "label": torch.tensor([0, seed % 3])}


def weights(one):
    return {name: value.clone() for name, value in one.bare.state_dict().items()}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_batch_changes_the_weights_and_is_counted():
    one = learner()
    before = weights(one)
    loss, right, count = one.learn(batch(0))
    assert (count, right in (0, 1, 2), loss > 0) == (2, True, True)
    assert not same(before, weights(one))


def test_accumulated_batches_make_one_step():
    one = learner(accumulate=2)
    before, lr = weights(one), one.lr
    one.learn(batch(0))
    assert same(before, weights(one))
    assert one.lr == lr
    one.learn(batch(1))
    assert not same(before, weights(one))
    assert one.lr < lr


@pytest.mark.parametrize("ema", [None, 0.5])
def test_a_state_put_back_goes_on_the_same(ema):
    one, other = learner(ema=ema), learner(ema=ema)
    one.learn(batch(0))
    other.load_state(copy.deepcopy(one.state()))
    for each in (one, other):
        each.learn(batch(1))
    assert same(weights(one), weights(other))
    assert one.lr == other.lr
    assert same(one.saved.state_dict(), other.saved.state_dict())
    assert (one.saved is one.bare, one.tested is one.model) == (ema is None, ema is None)


def test_a_loss_that_is_no_number_says_where():
    one = learner()
    with torch.no_grad():
        one.bare.head.weight.fill_(torch.nan)
    with pytest.raises(NotFinite) as error:
        one.learn(batch(0))
    what, where = error.value.args
    assert what == "the loss is nan"
    assert "head" in where


def test_plateau_looks_at_the_epoch(monkeypatch):
    one = learner(schedule="plateau")
    rates = [one.lr]
    for _ in range(6):
        one.end_epoch(1.0)
        rates.append(one.lr)
    assert rates[-1] == rates[0] / 2
