"""Builds the optional CPU kernels, one library per instruction set; the rest of the package is in pyproject.toml.

Where a compiler is missing or fails, the package installs without them and runs on PyTorch: `videomamba env` says so.
"""

import platform
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

FOLDER = Path("videomamba/ops/native")
VARIANTS: dict[str, list[str]] = {"baseline": []}  # what every CPU of the platform has: SSE2 on x86-64, NEON on ARM
if platform.machine().lower() in ("x86_64", "amd64"):
    VARIANTS["avx2"] = ["-mavx2", "-mfma"]
    VARIANTS["avx512"] = ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mfma"]
FLAGS = ["-std=c++17", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-Wno-psabi"]
OPENMP = [] if sys.platform == "darwin" else ["-fopenmp"]  # Apple's compiler has none: one thread there


class BuildKernels(build_ext):
    """Names the libraries without the tag of a Python version: ctypes loads them, Python does not."""

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split("."))) + ".so"


setup(
    ext_modules=[
        Extension(
            f"videomamba.ops.native._kernels_{name}",
            sources=[str(FOLDER / f"kernels_{name}.cpp")],
            depends=sorted(str(path) for path in FOLDER.glob("*.h")),
            extra_compile_args=[*FLAGS, *OPENMP, *flags],
            extra_link_args=OPENMP,
            language="c++",
            optional=True,
        )
        for name, flags in VARIANTS.items()
    ],
    cmdclass={"build_ext": BuildKernels},
)
