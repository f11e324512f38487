"""The shapes and argument combinations of mamba-ssm's own test of this operation, with its tolerances.

As in ``tests/ops/test_selective_scan.py`` of state-spaces/mamba, written anew: batch 2, dim 4, dstate 8, B and C that
vary with the input, in one group or two; a gate, D, a bias, softplus and the last state, each with and without.
"""

import itertools

import pytest
import torch

from videomamba.ops import selective_scan
from videomamba.ops.backend import backend_status

TOLERANCE = {torch.float32: (6e-4, 2e-3), torch.bfloat16: (3e-2, 5e-2)}
BACKENDS = [name for name in ("native", "torch") if backend_status()[name][0]]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@pytest.mark.parametrize("length", [128, 256, 512, 1024])
def test_as_mamba_ssm_calls_it(length, dtype, backend):
    relative, absolute = TOLERANCE[dtype]
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int, type=dtype) -> torch.Tensor:
        return torch.randn(*shape, generator=generator).to(type).requires_grad_()

    for groups, has_z, has_D, has_bias, softplus in [
        *itertools.product((1, 2), (False, True), (True,), (True,), (True,)),
        (1, True, False, False, False),
        (2, False, True, False, True),
    ]:
        A = (-0.5 * torch.rand(4, 8, generator=generator)).requires_grad_()
        B, C = (draw(2, 8, length) if groups == 1 else draw(2, groups, 8, length) for _ in range(2))
        D, bias = draw(4, type=torch.float32) if has_D else None, None
        if has_bias:
            bias = (0.5 * torch.rand(4, generator=generator)).requires_grad_()
        z, u = draw(2, 4, length) if has_z else None, draw(2, 4, length)
        delta = (0.5 * torch.rand(2, 4, length, generator=generator)).to(dtype).requires_grad_()
        inputs = [x for x in (u, delta, A, B, C, D, z, bias) if x is not None]
        pull = torch.randn(2, 4, length, generator=generator).to(dtype)
        results = {}
        for name in (backend, "reference"):
            out, last = selective_scan(
                u, delta, A, B, C, D, z, bias, delta_softplus=softplus, return_last_state=True, backend=name
            )
            results[name] = (out, last, *torch.autograd.grad(out, inputs, pull))
        for index, (got, want) in enumerate(zip(*results.values(), strict=True)):
            assert got.dtype == want.dtype
            scale = max(1.0, want.abs().max().item())  # theirs: a bound on gradients relative to their size
            torch.testing.assert_close(got, want, rtol=relative, atol=absolute * scale, msg=f"{groups} result {index}")
