"""Which kernels setup.py compiles where, and that a failing compiler costs speed only."""

import platform
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def declared(monkeypatch):
    """The arguments that setup.py gives to setuptools, as on another platform."""
    setuptools = pytest.importorskip("setuptools")

    def run(system, machine):
        given = {}
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr(setuptools, "setup", lambda **arguments: given.update(arguments))
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.setattr(platform, "machine", lambda: machine)
        runpy.run_path("setup.py")
        return given

    return run


@pytest.mark.parametrize(
    ("system", "machine", "variants"),
    [
        ("linux", "x86_64", ["portable", "avx2", "avx512"]),
        ("linux", "aarch64", ["portable"]),
        ("darwin", "arm64", ["portable"]),
        ("win32", "AMD64", []),
    ],
)
def test_each_platform_has_its_kernels(declared, system, machine, variants):
    extensions = declared(system, machine)["ext_modules"]
    assert [ext.name.rsplit("kernels_", 1)[1] for ext in extensions] == variants
    assert all(("-fopenmp" in ext.extra_compile_args) == (system == "linux") for ext in extensions)


def test_without_a_compiler_the_build_goes_on_and_says_what_it_costs(tmp_path):
    done = subprocess.run(
        [sys.executable, "setup.py", "build_ext", "--build-lib", str(tmp_path), "--build-temp", str(tmp_path / "t")],
        cwd=ROOT,
        env={"CC": "none", "CXX": "none", "PATH": "/nowhere"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the package works without, slower. A C++17 compiler builds them.") >= 1
    assert not list(tmp_path.rglob("*.so"))
