"""``videomamba benchmark model``: how fast this package's models are on this machine."""

import dataclasses
import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.table import Table

from videomamba.cli.common.options import Device, Json, option, people, print_json
from videomamba.cli.common.outputs import check_outputs
from videomamba.cli.common.wide import print_wide
from videomamba.errors import UserError
from videomamba.files import whole_file, write_text
from videomamba.tables import as_markdown, write_csv

if TYPE_CHECKING:
    from rich.console import Console

    from videomamba.benchmark.model import Row
    from videomamba.benchmark.processes import Together


def model(
    models: Annotated[tuple[str, ...], option("NAME...")] = ("videomamba_small",),
    frames: Annotated[tuple[int, ...], option("N...")] = (8, 16),
    sizes: Annotated[tuple[int, ...], option("PIXELS...")] = (112, 224),
    passes: Annotated[tuple[Literal["forward", "training"], ...], option("forward|training")] = ("forward", "training"),
    precisions: Annotated[tuple[Literal["fp32", "bf16"], ...], option("fp32|bf16")] = ("fp32",),
    batches: Annotated[tuple[int, ...], option("N...")] = (1,),
    seconds: Annotated[float, option("SECONDS")] = 5.0,
    processes: Annotated[int, option("N")] = 1,
    csv: Annotated[Path | None, option("FILE")] = None,
    markdown: Annotated[Path | None, option("FILE")] = None,
    plot: Annotated[Path | None, option("FILE")] = None,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Times models with random weights: a forward pass and a training step; models with the same input take turns.

    Beside each time stands its floor on a CPU: the matrix products alone, the scan's arithmetic alone, and the bytes of
    the convolution and of AdamW once.

    `python -m benchmarks.models` in a checkout compares them with ViViT, TimeSformer and VideoMAE, and measures memory.

    Args:
        models: names of architectures
        frames: of a clip
        sizes: height and width in pixels
        passes: forward (inference), training (forward, backward, step of AdamW)
        precisions: bf16 is autocast
        batches: clips at a time
        seconds: rough time for all models with the same input and pass; each runs at least five passes
        processes: of 2 or more: also the forward passes of so many processes at once, which share the threads, beside
            those of one
        csv: also write the rows there
        markdown: also write a table there
        plot: also draw time over tokens there (.png, .pdf, .svg)
    """
    from videomamba.benchmark import model as benchmark
    from videomamba.inference.device import resolve_device
    from videomamba.machine import machine, machine_line

    known = benchmark.timed_models()
    if unknown := [name for name in models if name not in known]:
        raise UserError(f"unknown model {', '.join(unknown)}; choose among {', '.join(known)}")
    numbers = {"frames": frames, "sizes": sizes, "batches": batches, "seconds": (seconds,), "processes": (processes,)}
    for name, values in {**numbers, "models": models, "passes": passes, "precisions": precisions}.items():
        if not values or (name in numbers and min(numbers[name]) <= 0):
            given = " ".join(map(str, values)) or "(none)"
            raise UserError(f"--{name} {given}: give at least one, each above 0")
    check_outputs(csv, markdown, plot)
    where, console = resolve_device(device), people()
    console.print(machine_line(where), highlight=False, soft_wrap=True)
    rows: list[Row] = []
    for measured in benchmark.measure(
        models,
        where,
        frames=frames,
        sizes=sizes,
        passes=passes,
        precisions=precisions,
        batches=batches,
        seconds=seconds,
    ):
        rows += measured
        for row in measured:
            console.print(" ".join(_cells(row)), style="dim", highlight=False)
    print_wide(console, _HEAD, [*map(_cells, rows)], names=6)
    together = _together(console, models, frames, sizes, batches, processes, seconds) if processes > 1 else []
    if csv is not None:
        write_csv(csv, [*map(dataclasses.asdict, rows)])
    if markdown is not None:
        write_text(markdown, as_markdown(_HEAD, map(_cells, rows)))
    if plot is not None:
        _draw(plot, rows)
    if json:
        facts = {"machine": machine(where), "rows": [*map(_finite, rows)]}
        print_json({**facts, "processes": [*map(dataclasses.asdict, together)]} if together else facts)
    return 0


_HEAD = (
    *("model", "frames", "size", "pass", "precision", "batch", "ms", "clips/s"),
    *("floor", "times floor", "products", "scan", "conv", "AdamW"),
)


def _cells(row: "Row") -> list[str]:
    *names, ms, speed, floor, ratio, products, scan, convolution, optimizer = dataclasses.astuple(row)
    parts = ("-" if math.isnan(part) else f"{part:,.1f}" for part in (products, scan, convolution, optimizer))
    beside = ("-", "-") if math.isnan(floor) else (f"{floor:,.1f}", f"{ratio:.2f}")
    return [*map(str, names), f"{ms:,.1f}", f"{speed:.3g}", *beside, *parts]


def _finite(row: "Row") -> dict[str, object]:
    """For JSON, which has no NaN."""
    return {name: None if value != value else value for name, value in dataclasses.asdict(row).items()}


def _together(
    console: "Console",
    models: tuple[str, ...],
    frames: tuple[int, ...],
    sizes: tuple[int, ...],
    batches: tuple[int, ...],
    processes: int,
    seconds: float,
) -> "list[Together]":
    """Forward passes of one process and of several, in clips per second of all."""
    from videomamba.benchmark.processes import Together, forward_passes

    table = Table("model", "frames", "size", "batch", "processes", "threads of each", "clips/s of all")
    found: list[Together] = []
    for name, count, size, batch in itertools.product(models, frames, sizes, batches):
        for number in (1, processes):
            found.append(forward_passes(name, count, size, batch, processes=number, seconds=seconds))
            *cells, speed = dataclasses.astuple(found[-1])
            table.add_row(*map(str, cells), f"{speed:.3g}")
    console.print(table)
    return found


def _draw(file: Path, rows: "list[Row]") -> None:
    """One panel per pass, precision and batch; time over the 2 x 16 x 16 pieces of a clip."""
    from videomamba.viz.scaling import scaling_figure

    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in rows:
        lines = panels.setdefault(f"{row.what}, {row.precision}, batch {row.batch}", {})
        tokens = row.frames / 2 * (row.size / 16) ** 2
        lines.setdefault(row.model, []).append((tokens, row.milliseconds / row.batch))
    labels = ["tokens (2 x 16 x 16 pieces of a clip)"] * len(panels)
    figure = scaling_figure(panels, xlabels=labels, ylabel="milliseconds per clip")
    with whole_file(file) as temporary:
        figure.savefig(temporary, format=file.suffix[1:], dpi=130)
