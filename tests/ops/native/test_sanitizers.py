"""The kernels under the compiler's sanitizers: no byte outside of an array, nothing undefined, nothing unwritten."""

import shutil
import subprocess
from pathlib import Path

import pytest

import videomamba.ops.native
from videomamba.ops.native import library

SOURCES = Path(videomamba.ops.native.__file__).parent
FLAGS = {"portable": [], "avx2": ["-mavx2", "-mfma"], "avx512": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"]}
COMPILER = shutil.which("g++") or shutil.which("clang++")


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler here")
@pytest.mark.slow
@pytest.mark.parametrize("variant", library.variants())
def test_no_kernel_leaves_its_arrays(variant, tmp_path):
    program = tmp_path / "sanitized"
    built = subprocess.run(
        [
            *(COMPILER, "-std=c++17", "-O1", "-g", "-Wno-psabi", "-pthread", f"-I{SOURCES}", *FLAGS[variant]),
            *("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"),
            *(str(path) for path in (Path(__file__).with_name("sanitized.cpp"), *sorted(SOURCES.glob("*.cpp")))),
            *("-o", str(program)),
        ],
        capture_output=True,
        text=True,
    )
    if "cannot find" in built.stderr:
        pytest.skip(f"this compiler has no sanitizers: {built.stderr.splitlines()[0]}")
    assert built.returncode == 0, built.stderr
    done = subprocess.run([str(program)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "clean\n"), done.stderr
