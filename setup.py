"""Builds the optional CPU kernels, once per instruction set; everything else about the package is in pyproject.toml.

Where the kernels cannot be compiled the package installs without them and runs on PyTorch. So it does on Windows, on
purpose: the kernels use vector types that MSVC does not have.
"""

import copy
import platform
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

FOLDER = Path("videomamba/ops/native")
INSTRUCTION_SETS = {"portable": []}  # plain vectors: SSE2 on x86-64, NEON on ARM
if sys.platform == "win32":
    INSTRUCTION_SETS = {}
elif platform.machine().lower() in ("x86_64", "amd64"):
    INSTRUCTION_SETS["avx2"] = ["-mavx2", "-mfma"]
    INSTRUCTION_SETS["avx512"] = ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma"]
FLAGS = ["-std=c++17", "-O3", "-g0", "-fvisibility=hidden", "-Wall", "-Wno-psabi"]
GCC_FLAGS = ["-Wno-maybe-uninitialized"]  # GCC's own intrinsics set this off
OPENMP = [] if sys.platform == "darwin" else ["-fopenmp"]  # without it the kernels start threads of their own


class BuildKernels(build_ext):
    """Compiles what it can; a failure costs speed, not the installation."""

    def get_ext_filename(self, fullname: str) -> str:
        """Plain shared libraries, loaded with ctypes: no suffix of a Python version."""
        return str(Path(*fullname.split("."))) + ".so"

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or True  # one compiler per core

    def build_extension(self, ext: Extension) -> None:
        own = copy.copy(self)
        own.build_temp = str(Path(self.build_temp, ext.name))  # objects of different instruction sets bear one name
        try:
            super(BuildKernels, own).build_extension(ext)
        except Exception as error:
            print(
                f"videomamba: no compiled CPU kernels for {ext.name.rsplit('_', 1)[-1]} "
                f"({' '.join(str(error).split())}); the package works without, slower. A C++17 compiler builds them.",
                file=sys.stderr,
            )

    def copy_extensions_to_source(self) -> None:
        built = [ext for ext in self.extensions if Path(self.get_ext_fullpath(ext.name)).is_file()]
        self.extensions = [ext for ext in self.extensions if ext in built or self._is_built(ext)]
        super().copy_extensions_to_source()

    def _is_built(self, ext: Extension) -> bool:
        return Path(self.build_lib, self.get_ext_filename(self.get_ext_fullname(ext.name))).is_file()


class PlatformWheel(bdist_wheel):
    """One wheel per platform for every Python: the kernels do not know Python."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


setup(
    ext_modules=[
        Extension(
            f"videomamba.ops.native.kernels_{name}",
            sources=sorted(str(path) for path in FOLDER.glob("*.cpp")),
            depends=sorted(str(path) for path in FOLDER.glob("*.h")),
            extra_compile_args=[*FLAGS, *GCC_FLAGS, *OPENMP, *flags],
            extra_link_args=OPENMP,
            language="c++",
        )
        for name, flags in INSTRUCTION_SETS.items()
    ],
    cmdclass={"build_ext": BuildKernels, "bdist_wheel": PlatformWheel},
)
