"""What is done on a GPU, stage by stage."""

from collections.abc import Callable

import torch

from videomamba.benchmark.gpu import models, proofs, scans
from videomamba.benchmark.gpu.plan import Plan
from videomamba.benchmark.gpu.record import Record
from videomamba.errors import UserError

STAGES: dict[str, Callable[[Record, torch.device, Plan], None]] = {
    "operators": proofs.operators,
    "training": proofs.training,
    "tuning": scans.tuning,
    "scans": scans.scans,
    "blocks": models.blocks,
    "models": models.models,
    "predict": models.predict,
    "sanitizer": proofs.sanitizer,
    "tests": proofs.tests,
}
SHARES = {
    "operators": 110, "training": 40, "tuning": 60, "scans": 90, "blocks": 35, "models": 70, "predict": 20,
    "sanitizer": 40, "tests": 50,
}  # fmt: skip
"""Seconds of each stage, in the order in which they run; what one leaves is the next one's."""


def run(name: str, record: Record, device: torch.device, plan: Plan) -> None:
    """The stage of this name, to its end.

    Raises:
        UserError: no stage has this name.
    """
    if name not in STAGES:
        raise UserError(f"unknown stage {name!r}; choose among {', '.join(STAGES)}")
    try:
        STAGES[name](record, device, plan)
    except ImportError as error:  # a machine with PyTorch and Triton alone
        record.line(f"not run from here on: {error}")
    record.finish()
