"""Which types of numbers the operations take."""

import torch
from torch import Tensor

from videomamba.errors import UserError

FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def check_floats(operation: str, **tensors: Tensor | None) -> None:
    """
    Raises:
        UserError: a tensor of complex numbers or integers, which the operations do not support.
    """
    for name, x in tensors.items():
        if x is not None and x.dtype not in FLOATS:
            kind = "only real numbers: " if x.is_complex() else ""
            raise UserError(
                f"{name} has dtype {x.dtype}; {operation} takes {kind}float32, float64, bfloat16 or float16"
            )


def sum_dtype(x: Tensor) -> torch.dtype:
    """What sums and states of x are computed in: float32, or float64 for float64."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32
