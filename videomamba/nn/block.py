"""The residual block around the mixer."""

from torch import nn
from torchvision.ops import StochasticDepth

from videomamba.nn.mixer import MixerState, SpatioTemporalSSM
from videomamba.nn.norm import RMSNorm
from videomamba.shapes import Order, Tokens


class Block(nn.Module):
    """``h + drop_path(mixer(norm(h)))``; the residual stream h stays in float32 (or float64)."""

    def __init__(self, dim: int, mixer: SpatioTemporalSSM, *, drop_path: float = 0.0, norm_eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = RMSNorm(dim, eps=norm_eps)
        self.mixer = mixer
        self.drop_path = StochasticDepth(drop_path, mode="row")

    def forward(self, tokens: Tokens, order: Order | None = None) -> Tokens:
        return tokens + self.drop_path(self.mixer(self.norm(tokens), order)).to(tokens.dtype)

    def step(self, tokens: Tokens, past: MixerState | None, order: Order | None = None) -> tuple[Tokens, MixerState]:
        """The next tokens of sequences that are continued, without stochastic depth; see the mixer's ``step``."""
        out, after = self.mixer.step(self.norm(tokens), past, order)
        return tokens + out.to(tokens.dtype), after
