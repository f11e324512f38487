"""The published settings of the segmenters, on the live objects."""

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from videomamba.engine.optim import make_optimizer, make_schedule
from videomamba.models import create_model
from videomamba.recipes import RECIPES


@pytest.mark.parametrize(
    ("recipe", "masking", "lr", "stride"),
    [("gtea", 0.5, 5e-4, None), ("50salads", 0.3, 5e-4, 2), ("breakfast_segmentation", 0.3, 1e-4, None)],
)
def test_the_published_settings_on_the_live_objects(recipe, masking, lr, stride):
    run = RECIPES[recipe](None)
    assert (run.optim.epochs, run.optim.batch_size, run.optim.clip_grad, run.data.stride) == (120, 1, None, stride)
    model = create_model(run.model.name, **run.model.overrides)
    assert model.channel_masking.p == masking
    assert model.config.dropout == 0.5
    optimizer = make_optimizer(model, run.optim)
    assert type(optimizer) is torch.optim.Adam
    assert {group["weight_decay"] for group in optimizer.param_groups} == {1e-5}
    assert {group["lr"] for group in optimizer.param_groups} == {lr}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))
    schedule = make_schedule(optimizer, run.optim, 21)
    assert isinstance(schedule, ReduceLROnPlateau)
    rates = []
    for loss in [1.0, 0.5, *[0.6] * 8, 0.2]:
        schedule.step(loss)
        rates.append(optimizer.param_groups[0]["lr"] / lr)
    assert rates == [1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]
