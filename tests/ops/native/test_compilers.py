"""The kernels compile for machines that are not at hand, with clang and without a warning."""

import subprocess
import sys
from pathlib import Path

import pytest

import videomamba.ops.native

SOURCES = sorted(Path(videomamba.ops.native.__file__).parent.glob("*.cpp"))


def compiled(target, *options):
    pytest.importorskip("ziglang", reason="no cross compiler here (pip install ziglang)")
    command = [
        sys.executable,
        "-m",
        "ziglang",
        "c++",
        "-target",
        target,
        "-std=c++17",
        "-Wall",
        "-Werror",
        "-Wno-psabi",
    ]
    built = subprocess.run([*command, *map(str, options)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr


def test_is_correct_for_arm():
    """Every template that is used is instantiated, and no instruction is written."""
    compiled("aarch64-linux-gnu", "-fsyntax-only", *SOURCES)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["aarch64-linux-gnu", "aarch64-macos"])
def test_compiles_for_arm(target, tmp_path):
    for source in SOURCES:
        compiled(target, "-O1", "-fPIC", "-c", source, "-o", tmp_path / "kernels.o")
