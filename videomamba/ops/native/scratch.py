"""Memory for tensors that live within one call, kept from call to call.

Freed and asked for again in every block, such tensors leave holes between those that stay, which the next ones then do
not fit: a training step of ``videomamba_small`` at 1,569 tokens took nearly twice the memory that was in use.
"""

import threading

import torch
from torch import Tensor

_KEPT = 512 * 2**20  # bytes that a thread keeps, at most: a pass of 22 clips of 1,569 tokens, or training with 13
_SHAPES = 16  # for which the tensors over that memory are kept too


class _Memory(threading.local):
    def __init__(self) -> None:
        self.bytes = torch.empty(0, dtype=torch.uint8)
        self.tensors: dict[tuple[int, torch.Size, torch.dtype], list[Tensor]] = {}


_memory = _Memory()


def scratch(count: int, like: Tensor) -> list[Tensor]:
    """``count`` contiguous tensors of ``like``'s shape and dtype, on the CPU, with any content.

    The next call on this thread gives the same memory again: none of them may outlive the caller.
    """
    wanted = count, like.shape, like.dtype
    found = _memory.tensors.get(wanted)
    if found is None:
        each = -(-like.numel() // 64) * 64  # numbers
        size = count * each * like.element_size()
        if size > _KEPT:
            return [torch.empty(like.shape, dtype=like.dtype) for _ in range(count)]
        with torch.inference_mode(False), torch.no_grad():  # to be written to in any mode
            if _memory.bytes.numel() < size:
                _memory.tensors.clear()
                _memory.bytes = torch.empty(0, dtype=torch.uint8)  # freed before there is more
                _memory.bytes = torch.empty(size, dtype=torch.uint8)
            rows = _memory.bytes[:size].view(like.dtype).view(count, each)[:, : like.numel()].unbind()
            found = [row.view(like.shape) for row in rows]
        if len(_memory.tensors) == _SHAPES:
            _memory.tensors.clear()
        _memory.tensors[wanted] = found
    return found
