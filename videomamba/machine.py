"""Description of this machine, to be given with measured figures."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

_CPUINFO = Path("/proc/cpuinfo")  # of Linux


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine(device: torch.device | str, *, packages: Sequence[str] = ("torch", "torchvision")) -> dict[str, str | int]:
    """Processor, threads, instruction set, commit of this package, and versions.

    Args:
        device: that computes; a GPU is described by its name.
        packages: whose versions are named.
    """
    device = torch.device(device)
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "processor": _processor(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "videomamba": _commit() or _version("videomamba"),
        **{package: _version(package) for package in packages},
    }


def machine_line(device: torch.device | str) -> str:
    """The same in one line: GPU, cores, instruction set, PyTorch, commit."""
    m = machine(device)
    gpu = "" if torch.device(device).type == "cpu" else f"{m['device']}, "
    where = f"{gpu}{m['cores']} cores ({platform.machine()}, {m['capability']})"
    return f"{where}, PyTorch {m['torch']}, videomamba {m['videomamba']}"


def bf16_products(device: torch.device | str) -> tuple[bool, str]:
    """Whether matrix products in bfloat16 pay on a device, and why or why not in one line.

    Without instructions for them PyTorch computes bfloat16 products on a CPU several times slower than float32.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        has = torch.cuda.is_bf16_supported(including_emulation=False)
        return has, f"this GPU has {'' if has else 'no '}bfloat16 products"
    if kind != "cpu":
        return True, f"{kind} computes them"
    capabilities = torch.cpu.get_capabilities()
    known = {"amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16", "bf16": "Arm's BF16"}
    found = [name for key, name in known.items() if capabilities.get(key, False)]
    if found:
        return True, f"this CPU has {found[0]}"
    return False, "this CPU has no instructions for bfloat16 products (AMX, AVX512-BF16): they take longer than float32"


def vendor() -> str | None:
    """Of the processor, as it names itself ("GenuineIntel", "AuthenticAMD"); None where it is not known (no Linux)."""
    return _said_of_processor("vendor_id")


def _processor() -> str:
    return _said_of_processor("model name") or platform.processor() or platform.machine()


def _said_of_processor(name: str) -> str | None:
    if _CPUINFO.is_file():
        for line in _CPUINFO.read_text().splitlines():
            if line.startswith(name):
                return line.partition(":")[2].strip()
    return None


def _commit() -> str | None:
    """Of the checkout that this file is in; None where it is installed without one."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
