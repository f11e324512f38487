"""Which implementation runs an operation: chosen once per call, by argument; nothing global.

``reference``  the plain loop, differentiated by autograd: slow, in any precision, what all others are compared with
``torch``      vectorised PyTorch with hand-written gradients, on any device
``native``     C++ on the CPU
"""

import importlib.util
from typing import Literal, get_args

import torch

BackendName = Literal["auto", "native", "torch", "reference"]
BACKENDS: tuple[str, ...] = get_args(BackendName)


def backend_status() -> dict[str, tuple[bool, str]]:
    """Every backend by name: whether it runs on this machine, and why or why not in one line."""
    return {
        "native": _native_status(),
        "torch": (True, "vectorised PyTorch, any device"),
        "reference": (True, "plain loop, any device and precision, for comparison"),
    }


def resolve_backend(backend: str, device: torch.device, dtype: torch.dtype) -> str:
    """The name of the backend that serves tensors of this device and dtype.

    ``auto`` takes ``native`` for float32 and bfloat16 on a CPU where it was built, else ``torch``.

    Raises:
        ValueError: the name is not known, or that backend cannot serve these tensors.
    """
    if backend not in BACKENDS:
        raise ValueError(f"unknown backend {backend!r}; choose one of {', '.join(BACKENDS)}")
    fits_native = device.type == "cpu" and dtype in (torch.float32, torch.bfloat16)
    if backend == "auto":
        return "native" if fits_native and _native_status()[0] else "torch"
    if backend == "native":
        built, reason = _native_status()
        if not built:
            raise ValueError(f"backend 'native' does not run here ({reason}); use backend='auto' or 'torch'")
        if not fits_native:
            raise ValueError(
                f"backend 'native' takes float32 or bfloat16 on the CPU, not {dtype} on {device}; use backend='auto'"
            )
    return backend


def _native_status() -> tuple[bool, str]:
    if importlib.util.find_spec("videomamba.ops.native") is None:
        return False, "not part of this installation"
    from videomamba.ops.native.library import available

    return available()
