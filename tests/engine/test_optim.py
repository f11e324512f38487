"""Which weights decay, and the learning rate's course, on the live optimiser."""

import math

import pytest
import torch

from videomamba.engine import OptimConfig
from videomamba.engine.optim import make_optimizer, make_schedule, parameter_groups
from videomamba.models import create_model


def test_only_matrices_decay():
    model = create_model("videomamba_nano", depth=2, num_classes=3)
    decayed, undecayed = parameter_groups(model, 0.05)
    names = {id(p): name for name, p in model.named_parameters()}
    assert (decayed["weight_decay"], undecayed["weight_decay"]) == (0.05, 0.0)
    assert len(decayed["params"]) + len(undecayed["params"]) == len(names)
    matrices = {names[id(p)].rsplit(".", 2)[-2] for p in decayed["params"]}
    assert {"in_proj", "out_proj", "head"} <= matrices
    for parameter in decayed["params"]:
        name = names[id(parameter)]
        assert parameter.ndim > 1, name
        assert not name.endswith(("A_log", ".D", "bias", "cls_token", "pos_embed")), name


def test_steps_on_a_cpu_are_fused():
    assert all(group["fused"] for group in make_optimizer(torch.nn.Linear(2, 3), OptimConfig()).param_groups)
    with torch.device("meta"):
        elsewhere = torch.nn.Linear(2, 3)
    assert not any(group["fused"] for group in make_optimizer(elsewhere, OptimConfig()).param_groups)


def test_a_model_without_the_method_decays_its_matrices():
    decayed, undecayed = parameter_groups(torch.nn.Linear(2, 3), 0.1)
    assert [p.shape for p in decayed["params"]] == [(3, 2)]
    assert [p.shape for p in undecayed["params"]] == [(3,)]


def rates(config, steps_per_epoch):
    optimizer = make_optimizer(torch.nn.Linear(2, 2), config)
    schedule = make_schedule(optimizer, config, steps_per_epoch)
    seen = []
    for _ in range(config.epochs * steps_per_epoch):
        seen.append(optimizer.param_groups[0]["lr"])
        assert optimizer.param_groups[1]["lr"] == seen[-1]
        optimizer.step()
        schedule.step()
    return seen


def test_linear_warm_up_then_cosine_to_the_floor():
    seen = rates(OptimConfig(epochs=10, lr=1e-3, min_lr=1e-5, warmup_epochs=2), steps_per_epoch=4)
    assert seen[:8] == pytest.approx([1e-3 * (i + 1) / 9 for i in range(8)])
    assert max(seen) == seen[8] == pytest.approx(1e-3)
    assert seen[-1] == pytest.approx(1e-5)
    middle = 8 + 31 / 2  # of the 32 cosine steps
    assert (seen[int(middle)] + seen[int(middle) + 1]) / 2 == pytest.approx((1e-3 + 1e-5) / 2)
    want = [1e-5 + (1e-3 - 1e-5) * (1 + math.cos(math.pi * i / 31)) / 2 for i in range(32)]
    assert seen[8:] == pytest.approx(want)


def test_a_run_shorter_than_its_warm_up_still_reaches_the_rate():
    seen = rates(OptimConfig(epochs=2, lr=1e-3, warmup_epochs=5), steps_per_epoch=3)
    assert max(seen) == pytest.approx(1e-3)


def test_a_rate_below_the_floor_does_not_rise():
    assert max(rates(OptimConfig(epochs=2, lr=1e-12, warmup_epochs=0), steps_per_epoch=3)) == pytest.approx(1e-12)


def test_one_step():
    assert rates(OptimConfig(epochs=1, lr=1e-3), steps_per_epoch=1) == [1e-3]


def test_adamw_as_the_paper_has_it():
    optimizer = make_optimizer(torch.nn.Linear(2, 2), OptimConfig())
    assert type(optimizer) is torch.optim.AdamW
    assert optimizer.defaults["betas"] == (0.9, 0.999)
    assert optimizer.param_groups[0]["weight_decay"] == 0.05


def test_layer_decay_reaches_every_block():
    """Block -> learning rate, on the live optimiser: the stem slowest, the head and the last norm's layer fastest."""
    model = create_model("videomamba_nano", depth=4, num_classes=3)
    optimizer = make_optimizer(model, OptimConfig(lr=1e-3, layer_decay=0.5))
    names = {id(p): name for name, p in model.named_parameters()}
    rates_of = {}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            layer = ".".join(name.split(".")[:2]) if name.startswith("blocks") else name.split(".")[0]
            rates_of.setdefault(layer, set()).add(group["lr"])
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(names)
    assert rates_of == {
        "cls_token": {1e-3 / 64},
        "pos_embed": {1e-3 / 64},
        "patch_embed": {1e-3 / 64},
        "blocks.0": {1e-3 / 32},
        "blocks.1": {1e-3 / 16},
        "blocks.2": {1e-3 / 8},
        "blocks.3": {1e-3 / 4},
        "norm": {1e-3 / 2},
        "head": {1e-3},
    }
    for group in optimizer.param_groups:
        assert group["weight_decay"] == (0.05 if names[id(group["params"][0])].endswith(DECAYED) else 0.0)


DECAYED = ("proj.weight", "conv1d.weight", "head.weight")


def test_layer_decay_scales_the_whole_schedule():
    model = create_model("videomamba_nano", depth=2, num_classes=3)
    config = OptimConfig(epochs=2, lr=1e-3, layer_decay=0.5, warmup_epochs=1)
    optimizer = make_optimizer(model, config)
    schedule = make_schedule(optimizer, config, 4)
    first = [group["lr"] for group in optimizer.param_groups]
    for _ in range(3):
        optimizer.step()
        schedule.step()
    ratios = {group["lr"] / lr for group, lr in zip(optimizer.param_groups, first, strict=True)}
    assert max(ratios) == pytest.approx(min(ratios))
    assert max(schedule.get_last_lr()) == pytest.approx(1e-3 * 4 / 5)


def test_layer_decay_needs_layers_and_training_needs_parameters():
    with pytest.raises(
        ValueError, match=r"layer_decay and backbone_lr need to know the layers: give Linear timm's group_matcher\(\)"
    ):
        make_optimizer(torch.nn.Linear(2, 2), OptimConfig(layer_decay=0.5))
    with pytest.raises(ValueError, match="all parameters are frozen"):
        make_optimizer(torch.nn.Linear(2, 2).requires_grad_(False), OptimConfig())
    with pytest.raises(ValueError, match=r"layer_decay=1.5; it must be above 0 and at most 1"):
        OptimConfig(layer_decay=1.5)
