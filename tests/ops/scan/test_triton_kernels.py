"""Real compilers take the Triton kernels."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton")

COMPILE = """
import sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from videomamba.ops.scan import triton_kernels as kernels

INTEGERS = ("length", "width", "groups", "states", "chunk_steps", "chunks", "ends_stride", "sums_stride")
HALF = ("u", "delta", "B", "C", "z", "out", "grad_u", "grad_delta")
sizes = {"T": 16, "BD": 16, "N": 16}
for visit, options in ((1, False), (2, True)):
    for name in ("local_states", "stitch", "outputs", "local_carries", "gradients"):
        kernel = getattr(kernels, name)
        constants = {p.name: sizes.get(p.name, options) for p in kernel.params if p.is_constexpr}
        if "VISIT" in constants:
            constants["VISIT"] = visit
        types = {
            argument: "constexpr" if argument in constants
            else "i32" if argument in INTEGERS or argument[-2:] in ("_b", "_l", "_g")
            else "*i64" if argument == "order"
            else "*bf16" if argument in HALF
            else "*fp32"
            for argument in kernel.arg_names
        }
        for target in (GPUTarget("cuda", 90, 32), GPUTarget("hip", "gfx942", 64)):
            done = triton.compile(ASTSource(kernel, types, constants), target=target)
            assert done.asm["hsaco" if target.backend == "hip" else "cubin"], name
print("compiled")
"""


@pytest.mark.slow
def test_real_compilers_take_the_kernels(tmp_path):
    """NVIDIA's and AMD's, without their devices: to machine code for H100 and MI300."""
    environment = {**os.environ, "TRITON_CACHE_DIR": str(tmp_path)}
    environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run(
        [sys.executable, "-"], input=COMPILE, capture_output=True, text=True, env=environment,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    if "0 active drivers" in done.stderr or "ptxas" in done.stderr.splitlines()[-1:]:
        pytest.skip(f"this build of Triton does not compile without a GPU: {done.stderr.splitlines()[-1]}")
    assert done.stdout == "compiled\n", done.stderr
