"""The optimiser's parameter groups and the learning rate schedule."""

import math
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from videomamba.engine.config import OptimConfig
from videomamba.errors import UserError
from videomamba.models.custom import unknown_layers


def parameter_groups(
    model: nn.Module,
    weight_decay: float,
    *,
    lr: float | None = None,
    layer_decay: float = 1.0,
    backbone_lr: float = 1.0,
    vectors_decay: bool = False,
) -> list[dict[str, Any]]:
    """Groups of weights that decay and of those that must not, for each layer where their learning rates differ.

    Not decayed: vectors and scalars (biases, norms, D) unless ``vectors_decay``, and whatever
    ``model.no_weight_decay()`` names (A, class token, position table), where the model has that method. Of ``n``
    layers, layer ``i`` learns at ``lr * layer_decay ** (n - 1 - i)``: the head at ``lr``, the stem slowest; all but the
    head at ``backbone_lr`` times that. Frozen parameters are in no group.

    Raises:
        UserError: one of the two for a model that does not say what its layers are, or nothing to train.
    """
    named: Callable[[], set[str]] = getattr(model, "no_weight_decay", set)
    kept = named()
    layers = layer_of_parameters(model) if min(layer_decay, backbone_lr) < 1 else {}
    last = max(layers.values(), default=0)
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        layer, decays = layers.get(name, last), (parameter.ndim > 1 or vectors_decay) and name not in kept
        group = groups.setdefault((layer, not decays), {"params": [], "weight_decay": weight_decay if decays else 0.0})
        if lr is not None:
            group["lr"] = lr * layer_decay ** (last - layer) * (1 if layer == last else backbone_lr)
        group["params"].append(parameter)
    if not groups:
        raise UserError("all parameters are frozen; there is nothing to train")
    return [groups[key] for key in sorted(groups)]


def layer_of_parameters(model: nn.Module) -> dict[str, int]:
    """The layer of each parameter, 0 for the stem and the last for the head, by timm's ``model.group_matcher()``.

    Raises:
        UserError: the model has no such method.
    """
    group_matcher: Callable[[], dict[str, Any]] | None = getattr(model, "group_matcher", None)
    if group_matcher is None:
        raise unknown_layers(type(model).__name__)
    matcher = group_matcher()
    blocks = [(matcher["blocks"], None)] if isinstance(matcher["blocks"], str) else matcher["blocks"]

    def place(name: str) -> tuple[float, ...]:
        if re.match(matcher["stem"], name):
            return (-1,)
        for pattern, fixed in blocks:
            if match := re.match(pattern, name):
                return fixed or tuple(float(group) for group in match.groups() if group is not None)
        return (math.inf,)

    places = {name: place(name) for name, _ in model.named_parameters()}
    ranks = {where: rank for rank, where in enumerate(sorted(set(places.values())))}
    return {name: ranks[where] for name, where in places.items()}


def make_optimizer(model: nn.Module, config: OptimConfig) -> torch.optim.AdamW | torch.optim.Adam:
    """AdamW, or Adam, over :func:`parameter_groups`; on a CPU in PyTorch's fused form, one pass over each weight."""
    adam = config.optimizer == "adam"
    groups = parameter_groups(
        model,
        config.weight_decay,
        lr=config.lr,
        layer_decay=config.layer_decay,
        backbone_lr=config.backbone_lr,
        vectors_decay=adam,
    )
    is_plain = all(type(p) is nn.Parameter and p.device.type == "cpu" for group in groups for p in group["params"])
    kind = torch.optim.Adam if adam else torch.optim.AdamW
    return kind(groups, lr=config.lr, betas=config.betas, fused=True if is_plain else None)


def make_schedule(
    optimizer: torch.optim.Optimizer, config: OptimConfig, steps_per_epoch: int
) -> LambdaLR | ReduceLROnPlateau:
    """Linear warm-up, then a cosine from ``lr`` at its end to ``min_lr`` at the last step; to be stepped every batch.

    For ``plateau`` PyTorch's schedule of that name (factor 0.5, patience 3), to be stepped with each epoch's loss.

    A warm-up longer than half of the run is cut to half, so that a short trial run still reaches its ``lr``.
    """
    if config.schedule == "plateau":
        return ReduceLROnPlateau(optimizer, factor=0.5, patience=3)
    total = config.epochs * steps_per_epoch
    warmup = min(round(config.warmup_epochs * steps_per_epoch), total // 2)
    floor = min(1.0, config.min_lr / config.lr)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        progress = min(1.0, (step - warmup) / max(1, total - 1 - warmup))
        return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2

    return LambdaLR(optimizer, factor)
