"""Whether a file gives what its model gives."""

from collections.abc import Callable

import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.exporters.exportable import Exportable

TOLERANCE = 1e-4


@torch.inference_mode()
def largest_difference(target: Exportable, run: Callable[..., Tensor]) -> float:
    """Of all logits, relative to the largest one, on random inputs of every length that is checked."""
    worst = 0.0
    for inputs in (target.example, *target.others):
        want, got = target.module(*inputs), run(*inputs)
        if got.shape != want.shape:
            raise UserError(f"the exported model gives {tuple(got.shape)} where the model gives {tuple(want.shape)}")
        difference = float((got - want).abs().max() / want.abs().max().clamp(min=1e-9))
        worst = max(worst, difference if difference == difference else float("inf"))  # NaN is as wrong as can be
    return worst


def refuse_difference(difference: float) -> None:
    """
    Raises:
        UserError: it is above :data:`TOLERANCE`.
    """
    if difference > TOLERANCE:
        raise UserError(
            f"the exported model differs from the model by {difference:.1e} of its largest output, above "
            f"{TOLERANCE:.0e}; nothing was written"
        )
