"""Attention along time in windows, as ASFormer has it (arXiv 2110.08568), in memory linear in the length."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WindowMask = Literal["released", "exact"]
WINDOW_MASKS = ("released", "exact")
LEAK = 1e-6  # the released code adds it to its mask before the logarithm: masked keys keep a trace of weight
_CHUNK = 2**22  # attention weights computed at a time without gradients


def window_attention(
    query: Tensor, key: Tensor, value: Tensor, valid: Tensor | None, *, window: int, window_mask: WindowMask
) -> Tensor:
    """Softmax attention of each step to the steps around it.

    The sequence falls into blocks of ``window`` steps. ``exact``: a step attends to the ``window`` steps around it,
    from half a window before. ``released``: all steps of a block attend to the same ones, the block and half a window
    on each side without the last step, as in ASFormer's code (its paper describes ``exact``). Its checkpoints need
    that, and masked keys with a weight of 1e-6 in the softmax's sum, although their values are ignored.

    Args:
        query, key: (B, C, T).
        value: (B, V, T).
        valid: (B, T) bool, False for padding behind a sequence; None: all are steps.
        window: steps of a window, 1 or even.
        window_mask: ``exact`` or ``released``.

    Returns:
        (B, V, T); the output at padding is undefined.
    """
    if torch.compiler.is_exporting() and valid is None:
        return _window_attention(query, key, value, window, window_mask)
    batch, _, length = query.shape
    half, blocks = window // 2, -(-length // window)
    surplus = blocks * window - length
    if valid is None:
        valid = torch.ones(1, length, dtype=torch.bool, device=query.device)
    else:
        key, value = key * valid[:, None], value * valid[:, None]

    def windows(x: Tensor) -> Tensor:  # (B, C, T) -> (B, C, blocks, window + 2 half)
        return F.pad(x, (half, surplus + half)).unfold(-1, window + 2 * half, window)

    q = F.pad(query, (0, surplus)).unflatten(-1, (blocks, window)).permute(0, 2, 3, 1)
    k, v = windows(key).permute(0, 2, 1, 3), windows(value).permute(0, 2, 3, 1)
    seen = windows(valid[:, None].to(query.dtype)).permute(0, 2, 1, 3)  # (B, blocks, 1, window + 2 half)
    if window_mask == "released":
        seen = seen * _union(window, seen)
        v, bias = v * seen.transpose(-1, -2), torch.log(seen + LEAK)
    else:
        seen = seen * _band(window, seen)  # finite where it hides: padding may see nothing at all
        bias = torch.zeros_like(seen).masked_fill(seen == 0, torch.finfo(query.dtype).min / 2)
    if torch.is_grad_enabled():
        out = _attended(q, k, v, bias)
    else:
        step = max(1, _CHUNK // (batch * window * k.shape[-1]))
        some = [slice(at, at + step) for at in range(0, blocks, step)]
        parts = [_attended(q[:, part], k[:, part], v[:, part], bias[:, part]) for part in some]
        out = torch.cat(parts, 1) if len(parts) > 1 else parts[0]
    return out.permute(0, 3, 1, 2).flatten(2)[..., :length]


@torch.library.custom_op("videomamba::window_attention", mutates_args=())
def _window_attention(query: Tensor, key: Tensor, value: Tensor, window: int, window_mask: str) -> Tensor:
    """All steps valid: one node of an exported program, whose length is free."""
    return window_attention(query, key, value, None, window=window, window_mask=window_mask)  # type: ignore[arg-type]


@_window_attention.register_fake
def _(query, key, value, window, window_mask):  # type: ignore[no-untyped-def]
    return value.new_empty(value.shape)


def _attended(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Softmax attention within blocks: q (B, blocks, window, C), k (B, blocks, C, seen), v (B, blocks, seen, V)."""
    return (q @ k / math.sqrt(q.shape[-1]) + bias).softmax(-1) @ v


def _band(window: int, like: Tensor) -> Tensor:
    """(window, window + 2 half): row i sees the columns from i to i + window - 1."""
    row, column = (torch.arange(n, device=like.device) for n in (window, like.shape[-1]))
    offset = column - row[:, None]
    return ((offset >= 0) & (offset < window)).to(like.dtype)


def _union(window: int, like: Tensor) -> Tensor:
    """(window + 2 half): the columns that any row of :func:`_band` sees."""
    return (torch.arange(like.shape[-1], device=like.device) < 2 * window - 1).to(like.dtype)


class WindowAttention(nn.Module):
    """Projections to ``dim / r1`` channels for query and key and ``dim / r2`` for value, one head, ReLU, projection."""

    def __init__(self, dim: int, *, window: int, r1: int, r2: int, window_mask: WindowMask) -> None:
        super().__init__()
        self.window, self.window_mask = window, window_mask
        self.query = nn.Conv1d(dim, dim // r1, 1)
        self.key = nn.Conv1d(dim, dim // r1, 1)
        self.value = nn.Conv1d(dim, dim // r2, 1)
        self.out = nn.Conv1d(dim // r2, dim, 1)

    def forward(self, x: Tensor, source: Tensor | None, valid: Tensor | None) -> Tensor:
        """(B, d, T) -> (B, d, T); values come from ``source`` (B, d, T), or from x."""
        value = self.value(x if source is None else source)
        attended = window_attention(
            self.query(x), self.key(x), value, valid, window=self.window, window_mask=self.window_mask
        )
        return self.out(F.relu(attended))
