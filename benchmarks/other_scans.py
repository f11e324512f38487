"""Compares the scan with other implementations on this machine: the same work, the same weights, interleaved.

    make benchmark

- transformers' ``MambaMixer`` (one direction: projections, convolution, scan, gate), against the same layer with its
  convolution and scan replaced by ours, and two of them (one per direction, as one would build a bidirectional layer)
  against the ST-SSM, which has both under one gate;
- mambapy's parallel scan (``MambaBlock.selective_scan``), against ``directional_scan``.

Each pair must agree before it is timed. Width 384 (768 inside), 16 states, float32, as in the paper's model.
"""

import torch
import torch.nn.functional as F
from mambapy.mamba import MambaBlock
from mambapy.mamba import MambaConfig as MambaPyConfig
from torch import Tensor
from transformers import MambaConfig
from transformers.models.mamba.modeling_mamba import MambaMixer

from videomamba.benchmark.timing import interleaved
from videomamba.machine import machine_line
from videomamba.nn.mixer import SpatioTemporalSSM
from videomamba.ops import ScanDirection, causal_conv
from videomamba.ops.scan.api import directional_scan

WIDTH, INNER, STATES = 384, 768, 16
CPU = torch.device("cpu")


def with_our_operations(layer: MambaMixer, tokens: Tensor) -> Tensor:
    """What ``MambaMixer`` computes, (B, L, d) -> (B, L, d)."""
    x, z = layer.in_proj(tokens).chunk(2, dim=-1)
    u = causal_conv(x, layer.conv1d.weight.squeeze(1), layer.conv1d.bias)
    step, B, C = layer.x_proj(u).split([layer.time_step_rank, STATES, STATES], dim=-1)
    delta = F.linear(step, layer.dt_proj.weight)
    A = -torch.exp(layer.A_log.float())
    direction = ScanDirection(u, delta, A, B, C, layer.D, delta_bias=layer.dt_proj.bias)
    return layer.out_proj(directional_scan(direction, z, delta_softplus=True)[0])


def compare(name: str, ours, theirs, *, backward: bool = True) -> None:
    """Checks that both agree, then prints medians; with ``backward``, of forward and backward too."""
    with torch.inference_mode():
        torch.testing.assert_close(ours(), theirs(), rtol=1e-3, atol=1e-4)
    show(f"{name}, forward", quiet(ours), quiet(theirs))
    if backward:
        show(f"{name}, forward+backward", lambda: ours().sum().backward(), lambda: theirs().sum().backward())


def quiet(f):
    def run() -> None:
        with torch.inference_mode():
            f()

    return run


def show(name: str, ours, theirs) -> None:
    mine, other = interleaved([ours, theirs], CPU, seconds=10)
    print(
        f"{name}: ours {1e3 * mine:.1f} ms, theirs {1e3 * other:.0f} ms, {other / mine:.1f} times as fast", flush=True
    )


def main() -> None:
    torch.manual_seed(0)
    print(machine_line("cpu"))
    layer = MambaMixer(MambaConfig(hidden_size=WIDTH, state_size=STATES, num_hidden_layers=1), layer_idx=0)
    ours = SpatioTemporalSSM(WIDTH)
    for length in (400, 1569):
        tokens = torch.randn(1, length, WIDTH, requires_grad=True)
        compare(
            f"transformers' MambaMixer, L {length}",
            lambda tokens=tokens: with_our_operations(layer, tokens),
            lambda tokens=tokens: layer(tokens),
            backward=length == 400,  # theirs takes minutes beyond
        )
        show(
            f"the ST-SSM against two MambaMixers, L {length}, forward",
            quiet(lambda tokens=tokens: ours(tokens)),
            quiet(lambda tokens=tokens: (layer(tokens), layer(tokens))),
        )
    block = MambaBlock(MambaPyConfig(d_model=WIDTH, n_layers=1))
    for length in (400, 1569):
        u = torch.randn(1, length, INNER, requires_grad=True)
        delta = torch.rand(1, length, INNER).mul_(0.1).requires_grad_()
        B, C = (torch.randn(1, length, STATES, requires_grad=True) for _ in range(2))
        A = -torch.exp(block.A_log.detach())
        D = torch.ones(INNER)
        direction = ScanDirection(u, delta, A, B, C, D)
        compare(
            f"mambapy's scan, L {length}",
            lambda d=direction: directional_scan(d)[0],
            lambda d=direction: block.selective_scan(*d[:6]),
        )


if __name__ == "__main__":
    main()
