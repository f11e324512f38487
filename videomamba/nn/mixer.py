"""The ST-SSM: one input projection, two directions with separate parameters, one gate, one output projection."""

import math
from typing import NamedTuple

import torch
import torch.fx
import torch.nn.functional as F
from torch import Tensor, nn

from videomamba.nn.stock import is_stock
from videomamba.ops import ScanDirection, SSMWeights, bidirectional_scan, causal_conv, st_ssm
from videomamba.ops.visit import restored, visited
from videomamba.shapes import Inner, Order, Tokens

for _leaf in ("_conv", "_visited", "_restored", "bidirectional_scan", "st_ssm", "_at_least_float32"):
    torch.fx.wrap(_leaf)  # a separate node in a symbolic trace, which cannot look inside

_STEP_RANGE = (1e-3, 0.1)  # Mamba, section 3.6: the initial step sizes are log-uniform in this range


class DirectionState(NamedTuple):
    """What one direction keeps of the tokens that it has visited.

    Attributes:
        conv: (B, K - 1, D) the last inputs of the convolution, oldest first.
        scan: (B, D, N) the state of the scan, float32 (float64 for float64).
    """

    conv: Tensor
    scan: Tensor


class SelectiveSSM(nn.Module):
    """The parameters of one direction: its convolution, the selective projections, A and D.

    ``reset_parameters`` is Mamba's initialisation: A = -(1, ..., N) in every channel, D = 1, and a step-size bias whose
    softplus is log-uniform in [1e-3, 0.1].
    """

    def __init__(self, inner_dim: int, state_dim: int, conv_kernel: int, dt_rank: int) -> None:
        super().__init__()
        self.split = (dt_rank, state_dim, state_dim)
        self.conv_kernel = conv_kernel
        self.conv1d = nn.Conv1d(inner_dim, inner_dim, conv_kernel, groups=inner_dim)
        self.x_proj = nn.Linear(inner_dim, sum(self.split), bias=False)
        self.dt_proj = nn.Linear(dt_rank, inner_dim)
        self.A_log = nn.Parameter(torch.empty(inner_dim, state_dim))
        self.D = nn.Parameter(torch.empty(inner_dim))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        states = torch.arange(1, self.A_log.shape[1] + 1, dtype=torch.float32)
        self.A_log.copy_(states.log().expand_as(self.A_log))
        nn.init.ones_(self.D)
        bound = self.dt_proj.in_features**-0.5
        nn.init.uniform_(self.dt_proj.weight, -bound, bound)
        low, high = (math.log(step) for step in _STEP_RANGE)
        step = torch.exp(torch.empty_like(self.D).uniform_(low, high))
        self.dt_proj.bias.copy_(step + torch.log(-torch.expm1(-step)))  # inverse of softplus

    def forward(
        self,
        x: Inner,
        *,
        reverse: bool,
        order: Order | None,
        backend: str,
        mask: Tensor | None = None,
        past: DirectionState | None = None,
    ) -> ScanDirection:
        """What the scan of this direction reads, from x (B, L, D) in natural order; nothing where ``mask`` is 0.

        The visit goes by ``order``, or without one backwards if ``reverse``, and goes on from ``past``.
        """
        before = None if past is None else past.conv
        u = self._convolved(x, before, reverse=reverse, order=order, backend=backend)
        if mask is not None:  # the convolution's bias would enter the states
            u = u * mask
        step, B, C = self.x_proj(u).split(self.split, dim=-1)
        delta, bias = self._step_size(step)
        A = -torch.exp(_at_least_float32(self.A_log))
        D = _at_least_float32(self.D)
        return ScanDirection(u, delta, A, B, C, D, delta_bias=bias, initial_state=None if past is None else past.scan)

    def weights(self) -> SSMWeights | None:
        """The parameters, where reading them is all that calling the submodules would do; else None."""
        conv, x_proj, dt_proj = self.conv1d, self.x_proj, self.dt_proj
        linear = all(is_stock(module, nn.Linear) for module in (x_proj, dt_proj))
        if not (linear and self._has_stock_convolution() and is_stock(self, SelectiveSSM)):
            return None
        if conv.bias is None or dt_proj.bias is None or x_proj.bias is not None:
            return None
        taps = conv.weight.squeeze(1)
        return SSMWeights(taps, conv.bias, x_proj.weight, dt_proj.weight, dt_proj.bias, self.A_log, self.D)

    def _has_stock_convolution(self) -> bool:
        conv = self.conv1d
        return is_stock(conv, nn.Conv1d) and (conv.dilation, conv.stride, conv.padding) == ((1,), (1,), (0,))

    def _convolved(self, x: Inner, before: Inner | None, *, reverse: bool, order: Order | None, backend: str) -> Inner:
        """SiLU of the convolution: by the kernel, or by calling the module on the visited sequence."""
        conv = self.conv1d
        if self._has_stock_convolution():
            return _conv(x, conv.weight.squeeze(1), conv.bias, reverse, order, backend, before)
        sequence = _visited(x, reverse, order)
        if before is None:
            longer = F.pad(sequence.transpose(1, 2), (self.conv_kernel - 1, 0))
        else:
            longer = torch.cat([before.to(sequence), sequence], 1).transpose(1, 2)
        return _restored(F.silu(conv(longer)).transpose(1, 2), reverse, order)

    def _step_size(self, step: Tensor) -> tuple[Inner, Tensor | None]:
        """Raw step sizes, and the bias that the scan adds to them, in float32; None where the module has added it."""
        if is_stock(self.dt_proj, nn.Linear):
            return F.linear(step, self.dt_proj.weight), _at_least_float32(self.dt_proj.bias)
        return self.dt_proj(step), None


class SpatioTemporalSSM(nn.Module):
    """``out_proj(silu(z) * (scan_forward(x) + scan_backward(x)))`` where ``x, z = in_proj(tokens)``."""

    def __init__(
        self, dim: int, *, state_dim: int = 16, conv_kernel: int = 4, expand: int = 2, backend: str = "auto"
    ) -> None:
        super().__init__()
        inner = expand * dim
        dt_rank = math.ceil(dim / 16)
        self.backend = backend
        self.in_proj = nn.Linear(dim, 2 * inner, bias=False)
        self.forward_ssm = SelectiveSSM(inner, state_dim, conv_kernel, dt_rank)
        self.backward_ssm = SelectiveSSM(inner, state_dim, conv_kernel, dt_rank)
        self.out_proj = nn.Linear(inner, dim, bias=False)

    def forward(self, tokens: Tokens, order: Order | None = None, mask: Tensor | None = None) -> Tokens:
        """(B, L, d) -> (B, L, d).

        Args:
            tokens: of B sequences.
            order: as in :func:`videomamba.nn.order.backward_order`.
            mask: (B, L, 1), 1 for tokens and 0 for padding behind them, which then changes no token: states pass it
                as zeros, so that the backward direction meets the last token with none.
        """
        first, second = self.forward_ssm.weights(), self.backward_ssm.weights()
        if mask is None and first is not None and second is not None:
            in_proj, out_proj = (_weight(linear, tokens) for linear in (self.in_proj, self.out_proj))
            xz = self.in_proj(tokens) if in_proj is None else tokens
            out = st_ssm(xz, first, second, order=order, in_proj=in_proj, out_proj=out_proj, backend=self.backend)
            return self.out_proj(out) if out_proj is None else out
        x, z = self.in_proj(tokens if mask is None else tokens * mask).chunk(2, dim=-1)
        forward, backward = self._directions(x, order, mask)
        return self.out_proj(bidirectional_scan(forward, backward, z, order=order, backend=self.backend))

    def step(
        self, tokens: Tokens, past: "MixerState | None", order: Order | None = None
    ) -> tuple[Tokens, "MixerState"]:
        """The next tokens (B, L, d) of sequences that are continued, and the states after them.

        Both directions go on from ``past`` (None: from the start), the second one by ``order`` within these tokens.
        Where the second direction visits the whole sequence's tokens in that order too, this is :meth:`forward`, piece
        by piece.
        """
        x, z = self.in_proj(tokens).chunk(2, dim=-1)
        pasts = past or (self._start(self.forward_ssm, x), self._start(self.backward_ssm, x))
        forward = self.forward_ssm(x, reverse=False, order=None, backend=self.backend, past=pasts[0])
        backward = self.backward_ssm(x, reverse=True, order=order, backend=self.backend, past=pasts[1])
        out, states = bidirectional_scan(
            forward, backward, z, order=order, return_last_state=True, backend=self.backend
        )
        seen = (x, visited(x, order, reverse=order is None))
        after = [
            DirectionState(torch.cat([one.conv.to(x), new], 1)[:, x.shape[1] :], state)
            for one, new, state in zip(pasts, seen, states, strict=True)
        ]
        return self.out_proj(out), (after[0], after[1])

    @staticmethod
    def _start(ssm: SelectiveSSM, x: Inner) -> DirectionState:
        scan = x.new_zeros(len(x), *ssm.A_log.shape, dtype=torch.promote_types(x.dtype, torch.float32))
        return DirectionState(x.new_zeros(len(x), ssm.conv_kernel - 1, x.shape[2]), scan)

    def step_sizes(self, tokens: Tokens, order: Order | None = None) -> Tensor:
        """Delta after softplus, mean over channels: (B, 2, L), forward then backward, float32 (float64 for float64)."""
        x, _ = self.in_proj(tokens).chunk(2, dim=-1)
        means = []
        for direction in self._directions(x, order):
            delta = _at_least_float32(direction.delta)
            delta = delta if direction.delta_bias is None else delta + direction.delta_bias
            means.append(F.softplus(delta).mean(-1))
        return torch.stack(means, 1)

    def _directions(
        self, x: Inner, order: Order | None, mask: Tensor | None = None
    ) -> tuple[ScanDirection, ScanDirection]:
        return (
            self.forward_ssm(x, reverse=False, order=None, backend=self.backend, mask=mask),
            self.backward_ssm(x, reverse=True, order=order, backend=self.backend, mask=mask),
        )


MixerState = tuple[DirectionState, DirectionState]


def _weight(linear: nn.Linear, tokens: Tokens) -> Tensor | None:
    """The weight of a projection, where reading it is all that calling the projection would do; else None."""
    is_plain = is_stock(linear, nn.Linear) and linear.bias is None and not isinstance(tokens, torch.fx.Proxy)
    return linear.weight if is_plain else None


def _conv(
    x: Inner,
    weight: Tensor,
    bias: Tensor | None,
    reverse: bool,
    order: Order | None,
    backend: str,
    before: Inner | None = None,
) -> Inner:
    return causal_conv(
        x, weight, bias, reverse=reverse and order is None, order=order, initial_states=before, backend=backend
    )


def _visited(x: Inner, reverse: bool, order: Order | None) -> Inner:
    return visited(x, order, reverse)


def _restored(x: Inner, reverse: bool, order: Order | None) -> Inner:
    return restored(x, order, reverse)


def _at_least_float32(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()
