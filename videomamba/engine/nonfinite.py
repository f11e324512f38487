"""Where a number that is not finite first appears."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


@torch.no_grad()
def first_nonfinite(model: nn.Module, video: Tensor, run: Callable[[], object] | None = None) -> str:
    """In words: the first parameter that is not finite, else the first layer whose output on this batch is not.

    ``run`` calls the model on the batch, where it takes more than the video.
    """
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            return f"the parameter {name} is not finite"
    if not video.isfinite().all():
        return "the batch of videos is not finite"
    found: list[str] = []
    hooks = []
    for name, module in model.named_modules():
        if name and not any(True for _ in module.children()):

            def look(_: nn.Module, __: object, output: object, name: str = name) -> None:
                if isinstance(output, Tensor) and not output.isfinite().all() and not found:
                    found.append(name)

            hooks.append(module.register_forward_hook(look))
    try:
        model(video) if run is None else run()
    finally:
        for hook in hooks:
            hook.remove()
    return f"the output of {found[0]} is not finite" if found else "only the loss or its gradient is not finite"


def first_nonfinite_gradient(model: nn.Module) -> str:
    """In words: the last layer in the model's order whose gradient is not finite, where the fault entered."""
    bad = [name for name, p in model.named_parameters() if p.grad is not None and not p.grad.isfinite().all()]
    return f"the gradient of {bad[-1]} is not finite" if bad else "the gradient's norm is not finite"
