"""The Triton kernels compiled for GPUs that are not here: ``python -m videomamba.benchmark.gpu.compiled``.

Prints a table of registers, shared memory, spilled bytes and, for NVIDIA, instructions. The compilers come with Triton;
no GPU and no driver is needed.
"""

import contextlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from videomamba.errors import UserError
from videomamba.ops.conv import triton_backend as conv_backend
from videomamba.ops.scan import triton_backend
from videomamba.ops.scan.direction import ScanDirection
from videomamba.ops.scan.triton_launch import Config, Launch, interpreted, recorded
from videomamba.ops.scan.triton_tuning import CANDIDATES, chosen
from videomamba.tables import as_markdown

TARGETS = {"sm_80": ("cuda", 80, 32), "sm_90": ("cuda", 90, 32), "sm_100": ("cuda", 100, 32),
           "gfx942": ("hip", "gfx942", 64)}  # fmt: skip
PIPES = {"MUFU": "special functions", "FFMA|FMUL|FADD": "float32", "SHFL": "shuffles", "LDS|STS": "shared memory"}


@dataclass(frozen=True)
class Compiled:
    """One kernel for one GPU.

    Attributes:
        registers: of a thread.
        spilled: bytes of a thread in memory instead; None where the compiler does not tell.
        shared: bytes of shared memory of a program.
        instructions: of the whole kernel by name, for NVIDIA.
    """

    kernel: str
    target: str
    config: Config
    registers: int
    spilled: int | None
    shared: int
    instructions: Counter[str]


class _Absent:
    """A driver of a GPU that is not here: it knows only what is compiled for."""

    def __init__(self, target: Any) -> None:
        self.target = target

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0

    def get_current_target(self) -> Any:
        return self.target


def drawn(
    batch: int, length: int, *, width: int = 768, states: int = 16, dtype: torch.dtype = torch.bfloat16
) -> tuple[list[ScanDirection], torch.Tensor]:
    """Both directions and the gate, as the model has them, without memory."""

    def empty(*shape: int, kind: torch.dtype = dtype) -> torch.Tensor:
        return torch.empty(*shape, dtype=kind, device="meta")

    directions = []
    for reverse in (False, True):
        projected = empty(batch, length, 24 + 2 * states)
        B, C = (x.unsqueeze(2) for x in projected[..., 24:].split(states, -1))
        A, (D, bias) = empty(width, states, kind=torch.float32), (empty(width, kind=torch.float32) for _ in range(2))
        u, delta = (empty(batch, length, width) for _ in range(2))
        directions.append(ScanDirection(u, delta, A, B, C, D, bias, reverse=reverse))
    return directions, empty(batch, length, 2 * width)[..., width:]


def launches(batch: int, length: int, *, differentiated: bool = True, **options: Any) -> list[Launch]:
    """What a forward pass launches; one that is differentiated: and its gradient."""
    directions, z = drawn(batch, length, **options)
    with recorded() as found:
        out, _, saved = triton_backend.forward(directions, z, delta_softplus=True, save=differentiated)
        if differentiated:
            triton_backend.backward(directions, z, saved, out, [None, None], delta_softplus=True)
    return found


def warm(job: tuple[int, int, torch.dtype, Config | None, str]) -> None:
    """Compiles for the GPU that is here what a scan of a batch and length launches, to the cache of Triton on disk.

    The last of the job is the pass, ``forward`` or ``backward``: of the backward one its own kernels alone.
    """
    from triton.errors import TritonError

    batch, length, dtype, config, what = job
    is_gradient = what == "backward"
    with contextlib.nullcontext() if config is None else chosen(config, what):
        every = launches(batch, length, dtype=dtype, differentiated=is_gradient)
    for launch in every:
        if is_gradient and config is not None and launch.name in ("span_ends", "outputs"):
            continue
        with contextlib.suppress(RuntimeError, TritonError):  # said when it is timed
            launch.kernel.warmup(grid=(launch.programs,), **launch.arguments, **launch.meta)


def conv_launches(batch: int, length: int, *, width: int = 768, dtype: torch.dtype = torch.bfloat16) -> list[Launch]:
    """What a convolution and its gradient launch."""
    x = torch.empty(batch, length, 2 * width, dtype=dtype)[..., :width]
    weight, bias = torch.empty(width, 4), torch.empty(width)
    with recorded() as found:
        out = conv_backend._conv(x, weight, bias, None, True, True)
        conv_backend._conv_backward(out, x, weight, bias, None, True, True)
    return found


def compiled(config: Config, target: str, kernels: Sequence[str]) -> Iterator[Compiled]:
    """
    Raises:
        UserError: under Triton's interpreter, which compiles nothing.
    """
    if interpreted():
        raise UserError("TRITON_INTERPRET=1 is set, with which Triton compiles nothing; unset it")
    from triton.backends.compiler import GPUTarget
    from triton.runtime import driver

    driver.set_active(_Absent(GPUTarget(*TARGETS[target])))
    with chosen(config):
        every = [*launches(1, 1569), *launches(64, 1569), *conv_launches(1, 1569)]
    found = {launch.name: launch for launch in every}
    for name in kernels:
        launch = found[name]
        launch.kernel.device_caches.clear()
        kernel = launch.kernel.warmup(grid=(launch.programs,), **launch.arguments, **launch.meta)
        yield Compiled(name, target, config, *_facts(kernel))


def _facts(kernel: Any) -> tuple[int, int | None, int, Counter[str]]:
    shared = kernel.metadata.shared
    if "hsaco" in kernel.asm:
        text = kernel.asm["amdgcn"]
        registers = _number(r"\.vgpr_count:\s+(\d+)", text)
        return registers, _number(r"\.private_segment_fixed_size:\s+(\d+)", text), shared, Counter()
    from triton.knobs import nvidia

    with TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.cubin"
        file.write_bytes(kernel.asm["cubin"])
        usage = _said(nvidia.cuobjdump.path, "-res-usage", file)
        text = _said(nvidia.nvdisasm.path, "-c", file)
        instructions = re.findall(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P[T\d]+\s+)?([A-Z][A-Z0-9]*)", text)
    return _number(r"REG:(\d+)", usage), _number(r"STACK:(\d+)", usage), shared, Counter(instructions)


def _said(*command: Any) -> str:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=True).stdout


def _number(pattern: str, text: str) -> int:
    return max(int(found) for found in re.findall(pattern, text))


def table(rows: Sequence[Compiled]) -> str:
    """Markdown."""
    head = ("kernel", "GPU", "T x channels, lanes, warps, stages", "registers", "spilled B", "shared B",
            *PIPES.values(), "all")  # fmt: skip
    lines = []
    for row in rows:
        c = row.config
        pipes = [sum(n for name, n in row.instructions.items() if re.fullmatch(pipe, name)) for pipe in PIPES]
        counts = [*pipes, row.instructions.total()] if row.instructions else ["-"] * (len(PIPES) + 1)
        shape = "" if "conv" in row.kernel else f"{c.steps} x {c.channels}, {c.lanes}, {c.warps}, {c.stages}"
        lines.append([row.kernel, row.target, shape, row.registers, row.spilled, row.shared, *counts])
    return as_markdown(head, ([str(cell) for cell in line] for line in lines))


def main() -> int:
    """Every kernel for every GPU, in the configurations that are taken before any was measured."""
    rows: list[Compiled] = []
    try:
        for target in TARGETS:
            rows += compiled(CANDIDATES["forward"][0], target, ("span_ends", "stitch", "outputs"))
            rows += compiled(CANDIDATES["backward"][0], target, ("span_carries", "gradients"))
            rows += compiled(CANDIDATES["forward"][0], target, ("conv_forward", "conv_backward"))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table(rows), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
