"""Which implementation runs an operation: chosen once per call, by argument; nothing global.

``reference``  the plain loop, differentiated by autograd: slow, in any precision, what all others are compared with
``torch``      vectorised PyTorch with hand-written gradients, on any device
``native``     C++ on the CPU
``triton``     Triton on a GPU; on the CPU in Triton's interpreter (TRITON_INTERPRET=1), to be tested
"""

import functools
import importlib
import importlib.util
import os
from types import ModuleType
from typing import Literal, get_args

import torch

from videomamba.errors import UserError

BackendName = Literal["auto", "native", "triton", "torch", "reference"]
BACKENDS: tuple[str, ...] = get_args(BackendName)


def backend_status() -> dict[str, tuple[bool, str]]:
    """Every backend by name: whether it runs on this machine, and why or why not in one line."""
    return {name: _status(name) for name in BACKENDS if name != "auto"}


def resolve_backend(backend: str, device: torch.device, dtype: torch.dtype) -> str:
    """The name of the backend that serves tensors of this device and dtype.

    ``auto`` takes ``native`` on a CPU where it was built and ``triton`` on a GPU, for the dtypes that they have, else
    ``torch``.

    Raises:
        UserError: the name is not known, or that backend cannot serve these tensors.
    """
    if backend not in BACKENDS:
        raise UserError(f"unknown backend {backend!r}; choose one of {', '.join(BACKENDS)}")
    if backend == "auto":
        kernel = {"cpu": "native", "cuda": "triton"}.get(device.type)
        fits = kernel is not None and dtype in _DTYPES[kernel] and _status(kernel)[0]
        return kernel if kernel is not None and fits else "torch"
    if backend in _DTYPES:
        runs, reason = _status(backend)
        if not runs:
            raise UserError(f"backend {backend!r} does not run here ({reason}); use backend='auto' or 'torch'")
        devices = {"native": ("cpu",), "triton": ("cpu",) if _interpreted() else ("cuda",)}[backend]
        if device.type not in devices or dtype not in _DTYPES[backend]:
            names = " or ".join(str(known).removeprefix("torch.") for known in _DTYPES[backend])
            raise UserError(
                f"backend {backend!r} takes {names} on {devices[0]}, not {dtype} on {device}; use backend='auto'"
            )
    return backend


def backend_module(operation: str, backend: str) -> ModuleType:
    """The module of an operation (``scan``, ``conv``) that implements it on a resolved backend."""
    file = f"{backend}_backend" if backend in ("torch", "triton") else backend
    return importlib.import_module(f"videomamba.ops.{operation}.{file}")


_DTYPES = {
    "native": (torch.float32, torch.bfloat16),
    "triton": (torch.float32, torch.bfloat16, torch.float16),
}


def _status(backend: str) -> tuple[bool, str]:
    if backend == "native":
        from videomamba.ops.native.library import available

        return available()
    if backend == "triton":
        return _triton_status()
    return True, {"torch": "vectorised PyTorch, any device", "reference": "plain loop, for comparison"}[backend]


# to torch.compile a constant; its assume_constant_result sets the same, but takes 1.3 s to import
_status._dynamo_marked_constant = True  # type: ignore[attr-defined]


@functools.cache
def _triton_status() -> tuple[bool, str]:
    if importlib.util.find_spec("triton") is None:
        return False, "Triton is not installed; PyTorch's builds for GPUs bring it"
    if _interpreted():
        return True, "Triton's interpreter on the CPU: slow, for tests"
    if not torch.cuda.is_available():
        return False, "no GPU that PyTorch can use"
    return True, f"Triton on {torch.cuda.get_device_name()}"


def _interpreted() -> bool:
    return os.environ.get("TRITON_INTERPRET") == "1"
