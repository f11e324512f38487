"""Which device computes."""

import torch

from videomamba.errors import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str) -> torch.device:
    """The device that a name stands for; ``auto``: CUDA, else Apple's GPU, else the CPU.

    Raises:
        UserError: unknown name, or a device that this machine does not have.
    """
    if name not in DEVICES:
        raise UserError(f"unknown device {name!r}; choose one of {', '.join(DEVICES)}")
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, there in present.items() if there))
    if not present[name]:
        here = ", ".join(device for device, there in present.items() if there)
        raise UserError(f"device {name!r} is not available to PyTorch {torch.__version__} here; there is {here}")
    return torch.device(name)
