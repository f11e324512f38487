"""Layers along time, channels first, that ignore padding."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import StochasticDepth

from videomamba.nn.mixer import SpatioTemporalSSM
from videomamba.nn.norm import RMSNorm


def masked(x: Tensor, valid: Tensor | None) -> Tensor:
    """(B, d, T) with zeros where ``valid`` (B, T) is False."""
    return x if valid is None else x * valid[:, None].to(x.dtype)


def instance_norm(x: Tensor, valid: Tensor | None, eps: float = 1e-5) -> Tensor:
    """Each channel of (B, d, T) with mean 0 and variance 1 over its sequence's steps, padding left out."""
    if valid is None:
        return F.layer_norm(x, x.shape[-1:], eps=eps)
    mask = valid[:, None].to(x.dtype)
    count = mask.sum(-1, keepdim=True)
    centred = (x - (x * mask).sum(-1, keepdim=True) / count) * mask
    variance = centred.square().sum(-1, keepdim=True) / count
    return centred * (variance + eps).rsqrt()


class DilatedConv(nn.Conv1d):
    """Three taps, ``dilation`` steps apart, zeros around the sequence."""

    def __init__(self, dim: int, dilation: int) -> None:
        super().__init__(dim, dim, 3, padding=dilation, dilation=dilation)


class TemporalSSM(nn.Module):
    """The ST-SSM along time alone: norm and mixer.

    Args:
        dim: d.
        has_source: the norm of a second input is added to what the mixer reads.
        layer_scale: initial value of a learnt factor per output channel; the scaled output is added to the input (arXiv
            2103.17239). None: the output as it is.
        drop_path: probability that a sequence's output is dropped in training.
        mixer: options of :class:`SpatioTemporalSSM`.
    """

    def __init__(
        self, dim: int, *, has_source: bool, layer_scale: float | None, drop_path: float, **mixer: object
    ) -> None:
        super().__init__()
        self.layer_scale = None if layer_scale is None else nn.Parameter(torch.full((dim,), layer_scale))
        self.drop_path = StochasticDepth(drop_path, mode="row")
        self.norm = RMSNorm(dim, eps=1e-5)
        self.source_norm = RMSNorm(dim, eps=1e-5) if has_source else None
        self.mixer = SpatioTemporalSSM(dim, **mixer)  # type: ignore[arg-type]

    def forward(self, x: Tensor, source: Tensor | None, valid: Tensor | None) -> Tensor:
        """(B, d, T) -> (B, d, T)."""
        tokens = self.norm(x.transpose(1, 2))
        if self.source_norm is not None and source is not None:
            tokens = tokens + self.source_norm(source.transpose(1, 2))
        mask = None if valid is None else valid[..., None].to(tokens.dtype)
        answer = self.drop_path(self.mixer(tokens, mask=mask))
        if self.layer_scale is None:
            return answer.transpose(1, 2)
        return x + (self.layer_scale * answer).transpose(1, 2)
