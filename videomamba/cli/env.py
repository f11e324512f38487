"""``videomamba env``: what is installed here and what will be used."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich.table import Table

from videomamba import __version__
from videomamba.cli.options import Json, people, print_json

PACKAGES = ("torch", "torchvision", "av", "torchcodec", "accelerate", "torchmetrics", "huggingface_hub")


def env(json: Json = False) -> int:
    """Shows versions, device, video decoder and the scan's implementations."""
    import torch

    from videomamba.data.decode_torchcodec import torchcodec_status
    from videomamba.inference.device import resolve_device
    from videomamba.ops.backend import backend_status, resolve_backend

    device = resolve_device("auto")
    works, reason = torchcodec_status()
    facts: dict[str, Any] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "videomamba": __version__,
        **{package: _version(package) for package in PACKAGES},
        "device": torch.cuda.get_device_name() if device.type == "cuda" else device.type,
        "cpu capability": torch.backends.cpu.get_cpu_capability(),
        "decoder": "torchcodec" if works else f"pyav (torchcodec does not work here: {reason})",
        "scan in use": resolve_backend("auto", device, torch.float32),
    }
    for name, (there, why) in backend_status().items():
        facts[f"scan {name}"] = f"{'yes' if there else 'no'}: {why}"
    table = Table("what", "here")
    for name, value in facts.items():
        table.add_row(name, str(value))
    people().print(table)
    if json:
        print_json(facts)
    return 0


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
