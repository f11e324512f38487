"""Tokens in the order in which a scan or a convolution visits them: their own, reversed, or a permutation."""

import torch
from torch import Tensor

from videomamba.errors import UserError


def visited(x: Tensor, order: Tensor | None, reverse: bool) -> Tensor:
    """(B, L, ...) in natural order -> the same in the order of the visit."""
    if order is not None:
        return x.index_select(1, order)
    return x.flip(1) if reverse else x


def restored(x: Tensor, order: Tensor | None, reverse: bool) -> Tensor:
    """(B, L, ...) in the order of the visit -> the same in natural order; undoes :func:`visited`."""
    if order is not None:
        return torch.empty_like(x).index_copy(1, order, x)
    return x.flip(1) if reverse else x


def check_order(order: Tensor | None, length: int, reverse: bool) -> None:
    """
    Raises:
        UserError: an order that is not (L,) whole numbers, or one beside ``reverse``. Whether it visits every token
            once is seen by the kernels, and by :func:`check_permutation`.
    """
    if order is None:
        return
    if reverse:
        raise UserError("order and reverse=True are two orders of a visit: give an order or reverse=True, not both")
    if tuple(order.shape) != (length,) or order.dtype not in (torch.int64, torch.int32):
        raise UserError(
            f"order has shape {tuple(order.shape)} and dtype {order.dtype}; expected ({length},) and torch.int64"
        )


def check_permutation(order: Tensor | None) -> None:
    """
    Raises:
        UserError: an order on the CPU that does not visit every token exactly once; one on a GPU is not checked,
            because that would wait for the GPU.
    """
    if order is None or order.device.type != "cpu" or torch.compiler.is_compiling():
        return
    if not torch.equal(order.sort().values, torch.arange(len(order), dtype=order.dtype)):
        raise UserError("order is not a permutation of 0 ... L-1: every token must be visited exactly once")
