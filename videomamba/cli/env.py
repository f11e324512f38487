"""``videomamba env``: what is installed and what will be used."""

from typing import Any

from rich.table import Table

from videomamba.cli.common.options import Json, people, print_json

PACKAGES = ("torch", "torchvision", "av", "torchcodec", "accelerate", "huggingface_hub")


def env(json: Json = False) -> int:
    """Shows versions, device, video decoder and the scan's implementations."""
    import torch

    from videomamba.data.decode_torchcodec import torchcodec_status
    from videomamba.inference.device import resolve_device
    from videomamba.machine import bf16_products, machine
    from videomamba.ops.backend import backend_status, resolve_backend
    from videomamba.ops.mixer.product import choice

    device = resolve_device("auto")
    bf16, why_bf16 = bf16_products(device)
    works, reason = torchcodec_status()
    facts: dict[str, Any] = {
        **machine(device, packages=PACKAGES),
        "decoder": "torchcodec" if works else f"pyav (torchcodec does not work here: {reason})",
        "products of --bf16": f"{'bfloat16' if bf16 else 'float32'}: {why_bf16}",
        "products on the CPU": choice()[1],
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
