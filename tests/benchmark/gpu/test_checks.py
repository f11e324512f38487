"""The checks of the operators: right kernels pass, wrong ones do not."""

import pytest
import torch

pytest.importorskip("triton")
from videomamba.benchmark.gpu.checks import LIMITS, Case, cases, errors
from videomamba.ops.scan import triton_backend

CPU = torch.device("cpu")


def test_every_kind_is_checked():
    found = [case for case in cases() if isinstance(case, Case)]
    assert {case.dtype for case in found} == {torch.float32, torch.bfloat16, torch.float16}
    assert {case.visit for case in found} == {"forward", "reverse", "order", "both", "both, order"}
    assert max(case.length for case in found) == 100_000
    assert max(case.batch for case in found) > 65_535
    assert max(case.groups for case in found) > 65_535
    assert {1, 2, 3} <= {case.groups for case in found}
    assert any(case.length % 2 and case.states & (case.states - 1) for case in found)


@pytest.mark.parametrize("case", [*cases(small=True)], ids=lambda case: case.name)
def test_right_ones_pass(case, stand_in):
    for error, limit in zip(errors(case, CPU), LIMITS[case.dtype], strict=True):
        assert error <= limit


def test_a_wrong_kernel_does_not_pass(stand_in, monkeypatch):
    right = triton_backend.backward
    case = next(case for case in cases(small=True) if isinstance(case, Case))

    def wrong(*arguments, **options):
        grads, grad_z = right(*arguments, **options)
        return [g._replace(B=1.001 * g.B) for g in grads], grad_z

    monkeypatch.setattr(
        "videomamba.ops.backend.SCANS", {**_scans(), "triton": _with(triton_backend.BACKEND, backward=wrong)}
    )
    monkeypatch.setattr(
        "videomamba.ops.scan.op.SCANS", {**_scans(), "triton": _with(triton_backend.BACKEND, backward=wrong)}
    )
    output, gradient = errors(case, CPU)
    assert output <= LIMITS[case.dtype][0]
    assert gradient > LIMITS[case.dtype][1]


def _scans():
    from videomamba.ops.backend import SCANS

    return SCANS


def _with(backend, **changes):
    from dataclasses import replace

    return replace(backend, **changes)
