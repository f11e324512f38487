"""Memory for tensors that live within one call, kept from call to call, and for small ones that last.

Freed and asked for again in every block, such tensors leave holes between those that stay, which the next ones then do
not fit: a training step of ``videomamba_small`` at 1,569 tokens took nearly twice the memory that was in use.
"""

import math
import threading
from collections.abc import Sequence

import torch
from torch import Tensor

_KEPT = 512 * 2**20  # bytes that a thread keeps, at most: a pass of 22 clips of 1,569 tokens, or training with 13
_SHAPES = 16  # for which the tensors over that memory are kept too
_AT_ONCE = 48  # tensors that last: of both directions of 24 blocks


class _Memory(threading.local):
    def __init__(self) -> None:
        self.bytes = torch.empty(0, dtype=torch.uint8)
        self.tensors: dict[tuple[int, tuple[int, ...], torch.dtype], Tensor] = {}
        self.rooms: dict[tuple[torch.Size, torch.dtype], list[tuple[Tensor, Tensor]]] = {}  # for those that last


_memory = _Memory()


def scratch(count: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """(count, *shape) on the CPU, with any content; each of the ``count`` is contiguous.

    The next call on this thread gives the same memory again: it may not outlive the caller.
    """
    wanted = count, (*shape,), dtype
    found = _memory.tensors.get(wanted)
    if found is None:
        numbers = math.prod(shape)
        each = -(-numbers // 64) * 64
        size = count * each * dtype.itemsize
        if size > _KEPT:
            return torch.empty(count, *shape, dtype=dtype)
        with torch.inference_mode(False), torch.no_grad():  # to be written to in any mode
            if _memory.bytes.numel() < size:
                _memory.tensors.clear()
                _memory.bytes = torch.empty(0, dtype=torch.uint8)  # freed before there is more
                _memory.bytes = torch.empty(size, dtype=torch.uint8)
            found = _memory.bytes[:size].view(dtype).view(count, each)[:, :numbers].view(count, *shape)
        if len(_memory.tensors) == _SHAPES:
            _memory.tensors.clear()
        _memory.tensors[wanted] = found
    return found


def lasting(like: Tensor) -> tuple[Tensor, Tensor]:
    """Two new tensors of ``like``'s shape on the CPU with any content: of its dtype, and of float32.

    They are made for many blocks at a time. Small things that stay, allocated block by block among the large tensors of
    a first forward pass, leave holes just too small for the next block's: ``videomamba_small`` took 2.3 times the
    memory at 3,136 tokens.
    """
    rooms = _memory.rooms.setdefault((like.shape, like.dtype), [])
    if not rooms:
        with torch.inference_mode(False):  # to be written to in any mode
            many = (_AT_ONCE, *like.shape)
            rooms += zip(torch.empty(many, dtype=like.dtype).unbind(), torch.empty(many).unbind(), strict=True)
    return rooms.pop()
