"""The kernels compile for GPUs that are not here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("triton")
from videomamba.benchmark.gpu import compiled
from videomamba.benchmark.gpu.compiled import main, table
from videomamba.ops.scan.triton_launch import Launch

ROOT = Path(__file__).parents[3]


def test_the_interpreter_compiles_nothing(capsys, monkeypatch):
    monkeypatch.setattr(compiled, "interpreted", lambda: True)
    assert main() == 2
    assert capsys.readouterr().err == "error: TRITON_INTERPRET=1 is set, with which Triton compiles nothing; unset it\n"


def test_the_table_counts_pipes():
    from collections import Counter

    counts = Counter({"FFMA": 3, "FMUL": 1, "MUFU": 2, "SHFL": 4, "LDS": 5, "EXIT": 1})
    row = compiled.Compiled("outputs", "sm_90", compiled.Config(), 96, 0, 512, counts)
    assert table([row]).splitlines()[-1] == "| outputs | sm_90 | 4 x 64, 4, 4, 2 | 96 | 0 | 512 | 2 | 4 | 4 | 5 | 16 |"


def test_kernels_are_compiled_ahead_for_a_pass(monkeypatch):
    asked = []

    class Kernel:
        __name__ = "outputs"

        def warmup(self, grid, **arguments):
            asked.append((grid, arguments))
            raise RuntimeError("too many registers: said when it is timed")

    def launches(batch, length, *, dtype, differentiated):
        asked.append((batch, length, dtype, differentiated))
        return [Launch(Kernel(), 3, {"x": 1}, {"T": 4})]

    monkeypatch.setattr(compiled, "launches", launches)
    compiled.warm((1, 9, torch.bfloat16, None, "forward"))
    compiled.warm((1, 9, torch.bfloat16, None, "backward"))
    made = ((3,), {"x": 1, "T": 4})
    assert asked == [(1, 9, torch.bfloat16, False), made, (1, 9, torch.bfloat16, True), made]


@pytest.mark.slow
def test_real_compilers_take_the_kernels_without_spilling(tmp_path):
    environment = {**os.environ, "TRITON_CACHE_DIR": str(tmp_path)}
    environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run(
        [sys.executable, "-m", "videomamba.benchmark.gpu.compiled"],
        capture_output=True, text=True, env=environment, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    head, _, *lines = (line.strip("|").split("|") for line in done.stdout.splitlines())
    spilled = [name.strip() for name in head].index("spilled B")
    assert len(lines) == 4 * 7
    assert all(line[spilled].strip() == "0" for line in lines), done.stdout
