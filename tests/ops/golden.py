"""Inputs, outputs and gradients of mamba-ssm's CUDA kernels (``tests/fixtures/golden_scan.json``)."""

import json
from pathlib import Path

import torch
from torch import Tensor

FILE = Path(__file__).resolve().parents[1] / "fixtures" / "golden_scan.json"
CASES = json.loads(FILE.read_text(encoding="utf-8"))


def tensors(group: dict) -> dict[str, Tensor]:
    return {n: torch.tensor(v["data"], dtype=getattr(torch, v["dtype"])).view(v["shape"]) for n, v in group.items()}


def deviation(got: Tensor, want: Tensor) -> float:
    """The largest error relative to the largest value, where ``want`` is a number."""
    known = want.isfinite()
    if not known.any():
        return 0.0
    got, want = got.detach().double()[known], want.double()[known]
    return float((got - want).abs().max() / want.abs().max())
