"""The kernels compile for machines that are not at hand, with clang and without a warning."""

import subprocess
import sys
from pathlib import Path

import pytest

import videomamba.ops.native

SOURCES = sorted(Path(videomamba.ops.native.__file__).parent.glob("*.cpp"))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["aarch64-linux-gnu", "aarch64-macos"])
def test_compiles_for_arm(target, tmp_path):
    pytest.importorskip("ziglang", reason="no cross compiler here (pip install ziglang)")
    for source in SOURCES:
        built = subprocess.run(
            [
                *(sys.executable, "-m", "ziglang", "c++", "-target", target, "-std=c++17", "-O1", "-fPIC"),
                *("-Wall", "-Werror", "-Wno-psabi", "-c", str(source), "-o", str(tmp_path / "kernels.o")),
            ],
            capture_output=True,
            text=True,
        )
        assert built.returncode == 0, built.stderr
