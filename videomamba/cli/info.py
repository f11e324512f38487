"""``videomamba info``: what a checkpoint is."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.table import Table

from videomamba.cli.common.options import Device, Json, option, people, print_json, refuse
from videomamba.errors import UserError

_MIB = 2**20


def info(
    checkpoint: Annotated[str, tyro.conf.Positional, option("CHECKPOINT")],
    frames: Annotated[int | None, option("N")] = None,
    size: Annotated[int | None, option("PIXELS")] = None,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Shows a checkpoint's architecture, size, origin and class names, and what a forward pass of one clip takes.

    The memory and the time of a forward pass are estimated where --frames or --size is given: the memory from the
    architecture, the time from shorter passes that are run here for some seconds.

    Args:
        checkpoint: model folder, run folder (its best/), file of Vim or OpenGVLab's VideoMamba, published name, or Hub
            id
        frames: of the clip that is estimated (the checkpoint's own)
        size: height and width of that clip (the checkpoint's own)
    """
    if frames is None and size is None:
        refuse({f"--device {device}": device != "auto"}, "without --frames and --size no forward pass is made")
    facts = facts_of(checkpoint)
    if frames is not None or size is not None:
        facts["estimate"] = _estimate(checkpoint, frames, size, device)
    show_facts(facts, people())
    if json:
        print_json(facts)
    return 0


def facts_of(checkpoint: str | Path) -> dict[str, Any]:
    """The facts about a checkpoint, after its weights were checked."""
    from videomamba.models.catalogue import model_of
    from videomamba.models.weights.readers import read_checkpoint

    data = read_checkpoint(checkpoint)
    model = model_of(data)
    return {
        "architecture": type(model).__name__,
        "config": dataclasses.asdict(model.config),
        "preprocessing": dataclasses.asdict(model.preprocessing),
        "parameters": sum(p.numel() for p in model.parameters()),
        "operations": _operations(model),
        "bytes": data.path.stat().st_size,
        "source": model.source,
        "license": model.license,
        "class_names": model.class_names,
    }


def _operations(model: Any) -> dict[str, int] | None:
    """Of a forward pass of one clip; counted for VideoMamba alone."""
    from videomamba.models import VideoMamba
    from videomamba.models.operations import totals, videomamba_operations

    if not isinstance(model, VideoMamba):
        return None
    sums = totals(videomamba_operations(model.config))
    return {
        "as_the_paper_counts": sums.paper,
        "multiply_adds": sums.multiply_adds,
        "other_elementwise": sums.elementwise,
        "functions": sums.functions,
    }


def _estimate(checkpoint: str, frames: int | None, size: int | None, device: str) -> dict[str, Any]:
    from videomamba.inference.device import resolve_device
    from videomamba.inference.estimate import estimate
    from videomamba.models import VideoMamba, load_model

    for name, value in (("--frames", frames), ("--size", size)):
        if value is not None and value < 1:
            raise UserError(f"{name} {value}; give at least 1")
    model = load_model(checkpoint)
    if type(model) is not VideoMamba:
        raise UserError(f"{checkpoint} is a {type(model).__name__}; --frames and --size are estimated for VideoMamba")
    clip = model.preprocessing
    found = estimate(model, frames or clip.num_frames, size or clip.size, device=resolve_device(device))
    return dataclasses.asdict(found)


def show_facts(facts: dict[str, Any], console: Console) -> None:
    config, names = facts["config"], facts["class_names"]
    table = Table(show_header=False)
    table.add_row("architecture", facts["architecture"])
    table.add_row("source", facts["source"] or "unknown")
    table.add_row("licence", facts["license"] or "not stated")
    table.add_row("parameters", f"{facts['parameters']:,}, {facts['bytes'] / 2**20:.1f} MiB")
    if counts := facts["operations"]:
        g = {name: f"{count / 1e9:.3g} G" for name, count in counts.items()}
        table.add_row("multiply-adds", f"{g['as_the_paper_counts']} a clip, as the paper counts")
        table.add_row("", f"{g['multiply_adds']} in all products and convolutions")
        table.add_row("besides", f"{g['other_elementwise']} other + and x, {g['functions']} exponentials etc.")
    table.add_row("input", _input(facts["preprocessing"]))
    if names is None:
        table.add_row("classes", f"{config['num_classes']}, without names")
    else:
        some = ", ".join(names[:4])
        table.add_row("classes", f"{len(names)}: {some}{', ...' if len(names) > 4 else ''}")
    if "estimate" in facts:
        table.add_row("one forward pass", _estimated(facts["estimate"]))
    rest = {"num_frames", "img_size", "num_classes"}
    for name, value in config.items():
        if name not in rest:
            table.add_row(name, str(value))
    console.print(table)


def _estimated(e: dict[str, Any]) -> str:
    parts = ", ".join(
        f"{e[f'{part}_bytes'] / _MIB:,.0f} {part}" for part in ("weights", "input", "activation", "library")
    )
    return (
        f"{e['frames']} frames of {e['height']} x {e['width']}, {e['tokens']:,} tokens: about "
        f"{e['peak_bytes'] / _MIB:,.0f} MiB at most ({parts}) and {e['seconds']:.3g} s "
        f"(from passes of {' and '.join(f'{n:,}' for n in e['measured_tokens'])} tokens here)"
    )


def _input(clip: dict[str, Any]) -> str:
    if "size" not in clip:
        return f"features of {_share(clip['stride'])}"
    stride = "evenly over the video" if clip["stride"] is None else _share(clip["stride"])
    frames = "one frame" if clip["num_frames"] == 1 else f"{clip['num_frames']} frames ({stride})"
    return f"{frames} of {clip['size'][0]} x {clip['size'][1]} pixels"


def _share(stride: int) -> str:
    return "every frame" if stride == 1 else f"one frame in {stride}"
