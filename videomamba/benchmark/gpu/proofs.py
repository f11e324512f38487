"""What must be right before it is timed: the operators on the device, their tests, training."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.nn.functional as F

from videomamba.benchmark.gpu import checks
from videomamba.benchmark.gpu.plan import Plan
from videomamba.benchmark.gpu.record import Record
from videomamba.machine import cores

Result = TypeVar("Result")

_ROOT = Path(__file__).resolve().parents[3]


def operators(record: Record, device: torch.device, plan: Plan) -> None:
    """Values and every gradient against float64; a wrong one fails the stage."""
    cases = [*checks.cases(small=plan.small)]
    done = 0
    for case, found in in_processes(partial(_checked, device=device), cases, record, plan):
        done += 1
        if isinstance(found, str):
            record.line(f"{case.name}: {found}", failed=True)
            continue
        right = all(error <= limit for error, limit in zip(found, checks.LIMITS[case.dtype], strict=True))
        record.failed |= not right
        record.row(case=case.name, output=found[0], gradient=found[1], result="right" if right else "WRONG")
    if done < len(cases):
        record.line(f"out of time: {len(cases) - done} of {len(cases)} checks were not run", failed=True)


def _checked(case: checks.Case | checks.ConvCase, device: torch.device) -> tuple[Any, tuple[float, float] | str]:
    try:
        return case, checks.errors(case, device)
    except Exception as error:  # any: compilers raise of their own kinds
        return case, f"{type(error).__name__}: {str(error).splitlines()[0]}"


def in_processes(work: Callable[[Any], Result], given: Sequence[Any], record: Record, plan: Plan) -> Iterator[Result]:
    """Results as they come, until the stage is late: most of the time goes into compiling, one kernel on one core."""
    if plan.small:
        yield from (work(one) for one in given if not record.late)
        return
    with multiprocessing.get_context("spawn").Pool(max(1, min(15, cores() - 1))) as pool:  # ended with the block
        results = pool.imap_unordered(work, given)
        for _ in given:
            try:
                yield results.next(timeout=max(0.1, record.until - time.monotonic()))
            except multiprocessing.TimeoutError:
                return


def tests(record: Record, device: torch.device, plan: Plan) -> None:
    """The checkout's own tests of the operators, where pytest is."""
    folder = _ROOT / "tests" / "ops"
    if plan.small or find_spec("pytest") is None or not folder.is_dir():
        record.line("not run: pytest or the checkout's tests are not here")
        return
    _say(record, [sys.executable, "-m", "pytest", "-x", str(folder)], "tests/ops")


def sanitizer(record: Record, device: torch.device, plan: Plan) -> None:
    """The smallest checks under compute-sanitizer."""
    tool = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if not os.access(tool, os.X_OK):
        record.line("not run: compute-sanitizer is not installed; it comes with the CUDA toolkit")
        return
    command = [tool, "--error-exitcode", "1", sys.executable, "-m", "videomamba.benchmark.gpu", "--sanitized"]
    _say(record, command, "compute-sanitizer on the smallest checks")


def _say(record: Record, command: list[str], what: str) -> None:
    limit = max(1.0, record.until - time.monotonic())
    environment = {**os.environ, "CUDA_LAUNCH_BLOCKING": "1"} if "sanitizer" in what else None
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=_ROOT, timeout=limit, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        record.line(f"{what}: cut off after {limit:.0f} s")
        return
    last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-5:]
    record.line(f"{what}: exit status {done.returncode}: {' / '.join(last)}", failed=done.returncode != 0)


def training(record: Record, device: torch.device, plan: Plan) -> None:
    """A few steps in each way of training: losses of one seed agree, and fall."""
    ways: dict[str, dict[str, bool]] = {
        "float32": {},
        "bf16": {"bf16": True},
        "bf16, checkpointing": {"bf16": True, "checkpointing": True},
        "bf16, compile": {"bf16": True, "compiled": True},
    }
    first: list[float] | None = None
    for name, options in ways.items():
        if record.late:
            record.line(f"out of time: not run: {name}")
            continue
        try:
            losses = _losses(device, plan, **options)
        except Exception as error:  # any: torch.compile raises of every kind
            record.line(f"{name}: {type(error).__name__}: {str(error).splitlines()[0]}", failed=True)
            continue
        first = first or losses
        apart = max(abs(a - b) / abs(b) for a, b in zip(losses, first, strict=True))
        right = losses[-1] < losses[0] and apart < 0.05
        record.row(way=name, first=losses[0], last=losses[-1], apart=apart, result="right" if right else "WRONG")
        record.failed |= not right


def _losses(
    device: torch.device, plan: Plan, *, bf16: bool = False, checkpointing: bool = False, compiled: bool = False
) -> list[float]:
    import videomamba

    torch.manual_seed(0)
    frames, size = (2, 32) if plan.small else (8, 112)
    model = videomamba.create_model(
        "videomamba_tiny",
        num_frames=frames,
        img_size=size,
        num_classes=4,
        drop_path_rate=0.0,
        depth=2 if plan.small else 4,
    ).to(device)
    if checkpointing:
        model.set_grad_checkpointing()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    run: Callable[[torch.Tensor], torch.Tensor] = torch.compile(model) if compiled else model
    generator = torch.Generator().manual_seed(0)
    video = torch.randn(4, 3, frames, size, size, generator=generator).to(device)
    labels = torch.arange(4, device=device)
    losses = []
    for _ in range(3 if plan.small else 8):
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
            loss = F.cross_entropy(run(video).float(), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
    return losses
