"""The shapes, arguments and tolerances of mamba-ssm's own test: a sample of the matrix; all of it is a slow test."""

from collections import Counter

import pytest
import torch

from tests.ops import mamba_ssm_matrix

SAMPLE = mamba_ssm_matrix.FLAGS[::5]


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("dtype", mamba_ssm_matrix.DTYPES, ids=str)
@pytest.mark.parametrize("weights", mamba_ssm_matrix.WEIGHTS, ids=str)
def test_a_sample_passes(weights, dtype, backend):
    """The gate's SiLU is rounded in their reference alone: there ours may differ, if it is nearer to float64."""
    for length in (8, 128):
        counts = Counter(mamba_ssm_matrix.verdicts(length, dtype, weights, SAMPLE, backend))
        assert set(counts) <= {"passes", "theirs is farther"}, counts
        assert counts["passes"] >= len(SAMPLE) // 2


@pytest.mark.slow
@pytest.mark.parametrize("dtype", mamba_ssm_matrix.DTYPES, ids=str)
@pytest.mark.parametrize("length", mamba_ssm_matrix.LENGTHS)
def test_the_whole_matrix_passes(length, dtype):
    counts: Counter[str] = Counter()
    for weights in mamba_ssm_matrix.WEIGHTS:
        counts += Counter(mamba_ssm_matrix.verdicts(length, dtype, weights, mamba_ssm_matrix.FLAGS, "auto"))
    assert counts.total() == 160
    assert set(counts) <= {"passes", "theirs is farther"}, counts


def test_a_rounded_constant_would_be_seen():
    """The fault of old: B and C, (D, N), rounded to bfloat16."""
    case = mamba_ssm_matrix.Case(128, torch.bfloat16, False, False, 1, False, True, True, True, True)
    inputs = mamba_ssm_matrix.draw(case)
    rounded = inputs | {name: inputs[name].bfloat16().float() for name in "BC"}
    (want,), (exact,) = (
        mamba_ssm_matrix.reference([case], [inputs], dtype) for dtype in (torch.float32, torch.float64)
    )
    assert mamba_ssm_matrix.verdict(case, mamba_ssm_matrix.ours(case, rounded, "auto"), want, exact).startswith("fails")
