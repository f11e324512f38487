"""Which implementation runs an operation: chosen once per call, by argument; nothing global.

``reference``  the plain loop, differentiated by autograd: slow, in any precision; all others are compared with it
``torch``      vectorised PyTorch with hand-written gradients, on any device
``native``     C++ on the CPU
``triton``     Triton on a GPU; on the CPU in Triton's interpreter (TRITON_INTERPRET=1), to be tested
"""

import warnings

import torch

from videomamba.errors import UserError
from videomamba.notes import UserNote
from videomamba.ops.scan import native, reference, torch_backend, triton_backend
from videomamba.ops.scan.contract import ScanBackend

# `auto` takes the first that serves the tensors
SCANS: dict[str, ScanBackend] = {
    "native": native.BACKEND,
    "triton": triton_backend.BACKEND,
    "torch": torch_backend.BACKEND,
    "reference": reference.BACKEND,
}
BACKENDS: tuple[str, ...] = ("auto", *SCANS)


def backend_status() -> dict[str, tuple[bool, str]]:
    """Every backend by name: whether it runs on this machine, and why or why not in one line."""
    return {name: scan.status() for name, scan in SCANS.items()}


def check_backend(backend: str) -> None:
    """
    Raises:
        UserError: no backend has this name.
    """
    if backend not in BACKENDS:
        raise UserError(f"unknown backend {backend!r}; choose one of {', '.join(BACKENDS)}")


def resolve_backend(backend: str, device: torch.device, dtype: torch.dtype) -> str:
    """The name of the backend of the scan that serves tensors of this device and dtype.

    ``auto`` takes ``native`` on a CPU where it was built and ``triton`` on a GPU, for the dtypes that they have, else
    ``torch``: on Apple's MPS always, with a note.

    Raises:
        UserError: the name is not known, or that backend cannot serve these tensors.
    """
    check_backend(backend)
    if backend == "auto":
        fitting = (
            n for n, s in SCANS.items() if device.type in s.automatic and s.takes(device, dtype) and s.status()[0]
        )
        found = next(fitting, "torch")
        if found == "torch" and device.type == "mps":
            warnings.warn(
                "the scan has no kernel for Apple's MPS: it runs in PyTorch's operations", UserNote, stacklevel=2
            )
        return found
    chosen = SCANS[backend]
    runs, reason = chosen.status()
    if not runs:
        raise UserError(f"backend {backend!r} does not run here ({reason}); use backend='auto' or 'torch'")
    if not chosen.takes(device, dtype):
        names = " or ".join(str(known).removeprefix("torch.") for known in chosen.dtypes or ())
        where = " or ".join(chosen.devices() if chosen.devices else ())
        raise UserError(f"backend {backend!r} takes {names} on {where}, not {dtype} on {device}; use backend='auto'")
    return backend
