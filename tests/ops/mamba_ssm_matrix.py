"""The matrix of mamba-ssm's own test of the selective scan: 6,240 cases with its inputs and tolerances, written anew.

As ``tests/ops/test_selective_scan.py`` of state-spaces/mamba has it, with all values that its comments name. What it
compares with, its ``selective_scan_ref``, is written anew here, with the places where that one rounds; where we differ
from it by more than the tolerance, float64 says who is nearer.

    python tests/ops/mamba_ssm_matrix.py [backend]     # the whole matrix, about 20 minutes; prints the counts
"""

import itertools
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.ops import selective_scan

LENGTHS = (8, 16, 32, 64, 128, 256, 372, 512, 784, 1024, 1134, 2048, 4096)
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
# whether B varies with the token, whether C does, groups
WEIGHTS = ((True, True, 1), (True, True, 2), (True, False, 1), (False, True, 1), (False, False, 1))
FLAGS = tuple(itertools.product((False, True), repeat=5))
TOLERANCE = {torch.float32: (6e-4, 2e-3), torch.bfloat16: (3e-2, 5e-2), torch.float16: (3e-3, 5e-3)}
BATCH, WIDTH, STATES = 2, 4, 8


class Case(NamedTuple):
    length: int
    dtype: torch.dtype
    variable_B: bool
    variable_C: bool
    groups: int
    has_z: bool
    has_D: bool
    has_bias: bool
    softplus: bool
    last_state: bool


Tensors = dict[str, Tensor]


def draw(case: Case) -> Tensors:
    """The inputs of a case by the argument's name, and ``pull``, the gradient of its output."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int, dtype: torch.dtype = case.dtype) -> Tensor:
        return torch.randn(*shape, generator=generator).to(dtype)

    def weights(is_variable: bool) -> Tensor:
        if not is_variable:
            return normal(WIDTH, STATES, dtype=torch.float32)
        groups = () if case.groups == 1 else (case.groups,)
        return normal(BATCH, *groups, STATES, case.length)

    inputs = {"A": -0.5 * torch.rand(WIDTH, STATES, generator=generator)}
    inputs |= {"B": weights(case.variable_B), "C": weights(case.variable_C)}
    if case.has_D:
        inputs["D"] = normal(WIDTH, dtype=torch.float32)
    if case.has_z:
        inputs["z"] = normal(BATCH, WIDTH, case.length)
    if case.has_bias:
        inputs["delta_bias"] = 0.5 * torch.rand(WIDTH, generator=generator)
    inputs["u"] = normal(BATCH, WIDTH, case.length)
    inputs["delta"] = (0.5 * torch.rand(BATCH, WIDTH, case.length, generator=generator)).to(case.dtype)
    return {**inputs, "pull": normal(BATCH, WIDTH, case.length)}


def ours(case: Case, inputs: Tensors, backend: str) -> Tensors:
    given = {name: x.clone().requires_grad_() for name, x in inputs.items() if name != "pull"}
    out, state = selective_scan(**given, delta_softplus=case.softplus, return_last_state=True, backend=backend)
    grads = torch.autograd.grad(out, list(given.values()), inputs["pull"])
    return {"out": out.detach(), "last_state": state.detach(), **dict(zip(given, grads, strict=True))}


def reference(cases: Sequence[Case], inputs: Sequence[Tensors], dtype: torch.dtype) -> list[Tensors]:
    """``selective_scan_ref`` and its gradients, for cases of one length side by side; in float64 without roundings."""
    wide = dtype == torch.float64
    given = [
        {name: (x.double() if wide else x.clone()).requires_grad_() for name, x in case.items() if name != "pull"}
        for case in inputs
    ]
    prepared = [_prepared(case, tensors, dtype) for case, tensors in zip(cases, given, strict=True)]
    decay, entering, C = (torch.stack(parts, 1) for parts in zip(*prepared, strict=True))  # (L, cases, B, D, N)
    state, states = torch.zeros_like(decay[0]), []
    for a, b in zip(decay.unbind(0), entering.unbind(0), strict=True):
        state = a * state + b
        states.append(state)
    y = (torch.stack(states) * C).sum(-1).permute(1, 2, 3, 0)
    outs = [_gated(case, tensors, one) for case, tensors, one in zip(cases, given, y, strict=True)]
    pulls = [case["pull"].to(out.dtype) for case, out in zip(inputs, outs, strict=True)]
    grads = iter(torch.autograd.grad(outs, [x for tensors in given for x in tensors.values()], pulls))
    return [
        {"out": out.detach(), "last_state": last.detach(), **dict(zip(tensors, grads, strict=False))}
        for out, last, tensors in zip(outs, state, given, strict=True)
    ]


def _prepared(case: Case, x: Tensors, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Decays, what enters the states and C of a case, (L, B, D, N)."""
    delta, u = x["delta"].to(dtype), x["u"].to(dtype)
    if case.has_bias:
        delta = delta + x["delta_bias"].to(dtype)[:, None]
    if case.softplus:
        delta = F.softplus(delta)

    def per_token(name: str) -> Tensor:
        weights = x[name].to(dtype)
        if weights.dim() == 2:
            return weights.expand(case.length, BATCH, WIDTH, STATES)
        weights = weights.unsqueeze(1) if weights.dim() == 3 else weights
        return weights.repeat_interleave(WIDTH // weights.shape[1], 1).permute(3, 0, 1, 2)

    step, entering = (v.permute(2, 0, 1).unsqueeze(-1) for v in (delta, delta * u))
    return torch.exp(step * x["A"].to(dtype)), entering * per_token("B"), per_token("C")


def _gated(case: Case, x: Tensors, y: Tensor) -> Tensor:
    if case.has_D:
        y = y + x["D"].to(y.dtype)[:, None] * x["u"].to(y.dtype)
    if case.has_z:
        y = y * F.silu(x["z"])  # rounded to z's dtype in their code
    return y.to(x["u"].dtype)


def tolerances(case: Case) -> dict[str, tuple[float, float]]:
    """Relative and absolute, by result."""
    rtol, atol = TOLERANCE[case.dtype]
    of_weights = (max(1e-3, rtol), max(1e-3, atol)) if case.has_z else (1e-3, 1e-3)
    limits = dict.fromkeys(("out", "last_state"), (rtol, atol)) | {
        "u": (2 * rtol, 2 * atol),
        "delta": (5 * rtol, 10 * atol),
    }
    limits |= dict.fromkeys(("D", "z", "delta_bias"), of_weights) | {"A": (of_weights[0], 5 * of_weights[1])}
    limits |= {n: (rtol, atol) if v else of_weights for n, v in (("B", case.variable_B), ("C", case.variable_C))}
    return limits if case.last_state else {name: limit for name, limit in limits.items() if name != "last_state"}


def verdict(case: Case, got: Tensors, want: Tensors, exact: Tensors) -> str:
    """``passes``, ``theirs is farther`` (from float64, in every result beyond the tolerance), or which result fails."""
    beyond = []
    for name, (rtol, atol) in tolerances(case).items():
        if name in got:
            assert got[name].dtype == want[name].dtype
            room = atol + rtol * want[name].double().abs()
            if ((got[name].double() - want[name].double()).abs() > room).any():
                distances = [((x[name].double() - exact[name]).abs() / room).max() for x in (got, want)]
                beyond.append((name, distances[0] < distances[1]))
    if all(nearer for _, nearer in beyond):
        return "theirs is farther" if beyond else "passes"
    return "fails: " + ", ".join(name for name, nearer in beyond if not nearer)


def verdicts(
    length: int, dtype: torch.dtype, weights: tuple[bool, bool, int], flags: Sequence[tuple], backend: str
) -> Iterator[str]:
    for some in (flags[:16], flags[16:]):  # side by side as far as memory goes
        cases = [Case(length, dtype, *weights, *flag) for flag in some]
        if cases:
            inputs = [draw(case) for case in cases]
            results = (reference(cases, inputs, torch.float32), reference(cases, inputs, torch.float64))
            for case, given, want, exact in zip(cases, inputs, *results, strict=True):
                yield verdict(case, ours(case, given, backend), want, exact)


def main(backend: str = "auto") -> None:
    total: Counter[str] = Counter()
    for length, dtype, weights in itertools.product(LENGTHS, DTYPES, WEIGHTS):
        counts = Counter(verdicts(length, dtype, weights, FLAGS, backend))
        total += counts
        print(length, dtype, weights, dict(counts), flush=True)
    print(sum(total.values()), "cases:", dict(total))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
