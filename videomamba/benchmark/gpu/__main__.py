"""``python -m videomamba.benchmark.gpu``: proves and times the Triton kernels on a GPU in nine minutes.

Writes gpu.json and gpu.md, while it runs. It needs PyTorch and Triton, no network; what needs a package or tool that is
missing is left out with a line. Without a GPU it says so and exits with status 2.
"""

import argparse
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from videomamba.errors import UserError
from videomamba.files import check_writable, write_json

if TYPE_CHECKING:
    import torch

SECONDS = 515.0  # of all stages: nine minutes with the start of Python and a stage that is late


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 0, 1 if a stage failed, 2 for a mistake of the user's or no GPU, 130 for Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m videomamba.benchmark.gpu", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("runs/gpu"), help="folder to write")
    parser.add_argument("--stages", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--stage", help=argparse.SUPPRESS)  # this process is one stage
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of all stages")
    parser.add_argument("--sanitized", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    try:
        device = gpu()
        if options.sanitized:
            return _smallest_checks(device)
        if options.stage is not None:
            return _one(options.stage, options.output, options.seconds, device)
        return _all(options.output, options.stages, options.seconds, device)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def gpu() -> "torch.device":
    """
    Raises:
        UserError: there is no GPU that PyTorch and Triton can use.
    """
    for package, name in (("torch", "PyTorch"), ("triton", "Triton")):
        if importlib.util.find_spec(package) is None:
            raise UserError(f"{sys.executable} has no {name}: run this where PyTorch's build for a GPU is installed")
    import torch

    if not torch.cuda.is_available():
        raise UserError("no GPU that PyTorch can use; run this on a machine with an NVIDIA or AMD GPU")
    if os.environ.get("TRITON_INTERPRET") == "1":
        raise UserError("TRITON_INTERPRET=1 is set, with which nothing runs on the GPU; unset it")
    return torch.device("cuda")


def _all(output: Path, names: Sequence[str] | None, seconds: float, device: "torch.device") -> int:
    from videomamba.benchmark.gpu.record import write_report
    from videomamba.benchmark.gpu.stages import SHARES, STAGES
    from videomamba.machine import machine

    unknown = sorted({*(names or ())} - {*STAGES})
    if unknown:
        raise UserError(f"unknown stage {', '.join(unknown)}; choose among {', '.join(STAGES)}")
    if not seconds > 0:
        raise UserError(f"--seconds {seconds:g}: give a number above 0")
    check_writable(output, folder=True)
    if (output / "gpu.json").exists():
        raise UserError(f"{output} has a gpu.json already; name another --output")
    write_json(output / "machine.json", machine(device, packages=("torch", "triton", "mamba-ssm")))
    end = time.monotonic() + seconds
    chosen = [name for name in SHARES if names is None or name in names]
    for i, name in enumerate(chosen):
        left = end - time.monotonic()
        share = left * SHARES[name] / sum(SHARES[other] for other in chosen[i:])
        _process(name, output, share)
    found = write_report(output)
    failed = [stage["stage"] for stage in found["stages"] if stage["failed"] or not stage["done"]]
    print(f"wrote {output}/gpu.json and gpu.md" + (f"; not as it should be: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def _process(name: str, output: Path, seconds: float) -> None:
    """A stage in a process of its own: what it breaks on the GPU ends with it; ended if it is late."""
    command = [sys.executable, "-m", "videomamba.benchmark.gpu", "--stage", name]
    process = subprocess.Popen(
        [*command, "--output", str(output), "--seconds", f"{max(1.0, seconds):.0f}"], start_new_session=True
    )
    try:
        process.wait(timeout=max(1.0, seconds) + 15)  # a stage stops by itself between two of its rows
    except subprocess.TimeoutExpired:
        print(f"[{name}] ended: it was late", flush=True)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _one(name: str, output: Path, seconds: float, device: "torch.device") -> int:
    from videomamba.benchmark.gpu.plan import FULL
    from videomamba.benchmark.gpu.record import Record
    from videomamba.benchmark.gpu.stages import run

    record = Record(output, name, time.monotonic() + seconds)
    try:
        run(name, record, device, FULL)
    except UserError:
        raise
    except Exception as error:
        record.line(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", failed=True)
        raise
    return int(record.failed)


def _smallest_checks(device: "torch.device") -> int:
    from videomamba.benchmark.gpu import checks

    for case in checks.cases(small=True):
        if not all(e <= limit for e, limit in zip(checks.errors(case, device), checks.LIMITS[case.dtype], strict=True)):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
