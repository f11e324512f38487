"""Memory for tensors that live within one call, kept from call to call.

Freed and asked for again in every block, such tensors leave holes between those that stay, which the next ones then do
not fit: a training step of ``videomamba_small`` at 1,569 tokens took nearly twice the memory that was in use.
"""

import threading

import torch
from torch import Tensor

_KEPT = 64 * 2**20  # bytes that a thread keeps, at most


class _Memory(threading.local):
    def __init__(self) -> None:
        self.kept = torch.empty(0, dtype=torch.uint8)


_memory = _Memory()


def scratch(count: int, like: Tensor) -> list[Tensor]:
    """``count`` contiguous tensors of ``like``'s shape and dtype, on the CPU, with any content.

    The next call on this thread gives the same memory again: none of them may outlive the caller.
    """
    each = -(-like.numel() // 64) * 64
    size = each * like.element_size()
    if count * size > _KEPT:
        return [torch.empty(like.shape, dtype=like.dtype) for _ in range(count)]
    if _memory.kept.numel() < count * size:
        _memory.kept = torch.empty(0, dtype=torch.uint8)  # freed first
        with torch.inference_mode(False):  # to be written to in any mode
            _memory.kept = torch.empty(count * size, dtype=torch.uint8)
    rows = _memory.kept[: count * size].view(like.dtype).view(count, each)[:, : like.numel()]
    return [row.view(like.shape) for row in rows.unbind()]
