"""``videomamba export``: a checkpoint as ONNX or as a program of torch.export."""

import re
from pathlib import Path
from typing import Annotated, Literal

import tyro

from videomamba.cli.common.options import Flag, Json, option, people, print_json
from videomamba.errors import UserError


def export(
    checkpoint: Annotated[str, tyro.conf.Positional, option("CHECKPOINT")],
    out: Annotated[Path, tyro.conf.Positional, option("OUT.onnx|OUT.pt2")],
    frames: Annotated[int | None, option("N")] = None,
    size: Annotated[str | None, option("PIXELS|HxW")] = None,
    batch: Annotated[str, option("N|dynamic")] = "dynamic",
    scan: Literal["scan", "linear-attention"] = "scan",
    int8: Flag = False,
    json: Json = False,
) -> int:
    """Writes a model for other programs: .onnx for onnxruntime, .pt2 for torch.export.

    The file is run and compared with the model before it is there. Class names and preprocessing are in its metadata;
    `predict` and `evaluate` take the .onnx file like any checkpoint.

    Args:
        checkpoint: model folder, run folder (its best/), file of Vim or OpenGVLab's VideoMamba, or Hub id
        out: the file to write; its suffix tells the format
        frames: of the videos that it takes (the model's own)
        size: of the videos that it takes (the model's own)
        batch: videos at a time; dynamic: any number
        scan: the operator in .onnx files: the standard Scan, or onnxruntime's own LinearAttention
        int8: round the projections' weights to int8 (.onnx); outputs differ then
    """
    from videomamba.exporters import export as write

    done = write(checkpoint, out, num_frames=frames, img_size=_size(size), batch=_batch(batch), scan=scan, int8=int8)
    inputs = "  ".join(f"{name} ({', '.join(map(str, shape))})" for name, shape in done.inputs.items())
    console = people()
    console.print(f"inputs: {inputs}", soft_wrap=True)
    console.print(f"largest difference from the model: {done.difference:.1e} of its largest output", soft_wrap=True)
    console.print(f"wrote {done.path}, {done.size / 2**20:.1f} MiB", soft_wrap=True)
    if json:
        facts = {"path": done.path, "inputs": done.inputs, "difference": done.difference, "bytes": done.size}
        print_json(facts)
    return 0


def _size(text: str | None) -> int | tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text)
    if found is None:
        raise UserError(f"--size {text}: expected pixels, such as 224, or height x width, such as 224x320")
    height, width = found.groups()
    return int(height) if width is None else (int(height), int(width))


def _batch(text: str) -> int | None:
    if text == "dynamic":
        return None
    if not re.fullmatch(r"[1-9]\d{0,5}", text):
        raise UserError(f"--batch {text}: expected a number of videos, or dynamic")
    return int(text)
