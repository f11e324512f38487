"""VideoMamba compared with Video Swin, ViViT, TimeSformer and VideoMAE: ``python -m benchmarks.models``.

From the root of a checkout; ``speed`` times them, ``operations`` counts them. ViViT, TimeSformer and VideoMAE need
transformers: ``pip install --group benchmark``.
"""

import csv
import dataclasses
import itertools
import json as json_module
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.table import Table

from benchmarks.models import speed as timing
from benchmarks.models.operations import check_inputs, count
from benchmarks.models.peers import MODELS, available
from benchmarks.models.speed import Cell, Row, Settings
from videomamba.cli.common.options import Device, Json, option, people, print_json
from videomamba.errors import UserError
from videomamba.files import whole_file, write_text
from videomamba.inference.device import resolve_device
from videomamba.machine import machine
from videomamba.tables import as_markdown, write_csv
from videomamba.viz.scaling import scaling_figure, slope

_LASTING = ("device", "processor", "threads", "torch", "torchvision", "transformers")  # alike within one table


def speed(
    models: Annotated[tuple[str, ...] | None, option("NAME...")] = None,
    frames: Annotated[tuple[int, ...], option("N...")] = (8, 16, 32, 64, 128),
    sizes: Annotated[tuple[int, ...], option("PIXELS...")] = (112, 224, 448),
    passes: Annotated[tuple[Literal["forward", "training"], ...], option("forward|training")] = ("forward", "training"),
    precisions: Annotated[tuple[Literal["fp32", "bf16"], ...], option("fp32|bf16")] = ("fp32", "bf16"),
    batches: Annotated[tuple[str, ...], option("N|largest...")] = ("1",),
    patience: Annotated[float, option("SECONDS")] = 60.0,
    output: Annotated[Path, option("DIR")] = Path("runs/benchmark-models"),
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Times VideoMamba and the models that it is compared with: a forward pass and a training step.

    Each model runs in a process of its own; those with the same input take turns. Writes speed.csv, speed.md, speed.png
    and machine.json. Cells that speed.csv has already are not run again: run it again to continue.

    Args:
        models: by default videomamba_small and all five others; those of transformers where it is installed
        frames: of a clip
        sizes: height and width in pixels
        passes: forward (inference), training (forward, backward, step of AdamW)
        precisions: bf16 is autocast
        batches: clips at a time, or largest (the largest power of two that fits in memory and time)
        patience: seconds that a cell (one model, input, pass, precision and batch) may compute in total
        output: folder to write
    """
    console = people()
    names = _models(models, console)
    cells = _cells(names, frames, sizes, passes, precisions, batches)
    if not patience > 0:
        raise UserError(f"--patience {patience}: give a number of seconds above 0")
    where = resolve_device(device)
    memory = timing.available_memory()
    limit = None if memory is None or where.type != "cpu" else int(0.9 * memory)
    settings = timing.Settings(where.type, patience, memory=limit)
    facts = _facts(output, where, settings)
    rows = _read(output / "speed.csv")
    wanted = set(cells)
    missing = len(wanted - {row.cell for row in rows})
    console.print(f"{len(cells)} cells, {len(cells) - missing} of them measured already; at most {patience:g} s each")
    for found in timing.measure(cells, settings, rows):
        rows += found
        write_csv(output / "speed.csv", [*map(dataclasses.asdict, rows)])
        for row in found:
            console.print(_line(row), style="dim", soft_wrap=True)
    shown = [row for row in rows if row.cell in wanted]
    _write(output, rows, facts)
    for line in slopes(shown):
        console.print(line["text"], soft_wrap=True)
    console.print(f"wrote {output}/speed.csv, speed.md, speed.png, machine.json", soft_wrap=True)
    if json:
        print_json({"machine": facts, "rows": [*map(dataclasses.asdict, shown)], "slopes": slopes(shown)})
    return 0


def operations(
    models: Annotated[tuple[str, ...] | None, option("NAME...")] = None,
    frames: Annotated[tuple[int, ...], option("N...")] = (8, 16, 32, 64, 128),
    sizes: Annotated[tuple[int, ...], option("PIXELS...")] = (112, 224, 448),
    csv: Annotated[Path | None, option("FILE")] = None,
    markdown: Annotated[Path | None, option("FILE")] = None,
    json: Json = False,
) -> int:
    """Counts the multiply-adds of all matrix products and convolutions of a clip.

    Args:
        models: by default videomamba_small and all five others; those of transformers where it is installed
        frames: of a clip
        sizes: height and width in pixels
        csv: also write the counts there
        markdown: also write a table there
    """
    check_inputs(frames, sizes)
    console = people()
    names = _models(models, console)
    rows = [count(name, f, size) for size in sizes for f in frames for name in names]
    head = ["frames", "size", "tokens", *names]
    lines: dict[tuple[int, int], list[str]] = {}
    for row in rows:
        first = [str(row.frames), str(row.size), f"{row.tokens:,}"]
        lines.setdefault((row.frames, row.size), first).append(f"{row.multiply_adds / 1e9:,.1f}")
    table = Table(*head, title="G multiply-adds of a clip, all products", title_justify="left")
    for cells in lines.values():
        table.add_row(*cells)
    console.print(table)
    if csv is not None:
        write_csv(csv, [*map(dataclasses.asdict, rows)])
    if markdown is not None:
        write_text(markdown, as_markdown(head, lines.values()))
    if json:
        print_json([*map(dataclasses.asdict, rows)])
    return 0


def slopes(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Of time over tokens on log-log axes, for each model, pass, precision and batch with two inputs or more."""
    found = []
    for name, what, precision, batch in dict.fromkeys((r.model, r.what, r.precision, r.batch) for r in rows):
        points = timing.points(rows, name, what, precision, batch)
        steepness = slope(points)
        if steepness is not None:
            group = f"{what}, {precision}, batch {batch}"
            text = f"{name}: time grows as tokens to the {steepness:.2f} ({group}; {len(points)} inputs)"
            found.append({"model": name, "group": group, "slope": steepness, "inputs": len(points), "text": text})
    return found


def _models(asked: tuple[str, ...] | None, console: Console) -> tuple[str, ...]:
    there = available()
    asked = MODELS if asked is None else asked
    unknown = sorted({*asked} - {*MODELS, *there})
    if unknown:
        raise UserError(f"unknown model {', '.join(unknown)}; choose among {', '.join(dict.fromkeys(MODELS + there))}")
    missing = [name for name in asked if name not in there]
    if missing:
        console.print(f"transformers is not installed, so without {', '.join(missing)}: pip install 'transformers>=5'")
    names = tuple(dict.fromkeys(name for name in asked if name in there))
    if not names:
        raise UserError("no model to time; name one with --models")
    return names


def _cells(
    models: Sequence[str],
    frames: Sequence[int],
    sizes: Sequence[int],
    passes: Sequence[str],
    precisions: Sequence[str],
    batches: Sequence[str],
) -> list[Cell]:
    check_inputs(frames, sizes)
    for name, values in (("passes", passes), ("precisions", precisions), ("batches", batches)):
        if not values:
            raise UserError(f"--{name}: give at least one")
    for batch in batches:
        if batch != "largest" and not (batch.isdecimal() and int(batch) > 0):
            raise UserError(f"--batches {batch}: give a number of clips above 0, or largest")
    every = itertools.product(models, frames, sizes, passes, precisions, batches)
    return list(dict.fromkeys(Cell(*cell) for cell in every))


def _facts(output: Path, device: Any, settings: Settings) -> dict[str, Any]:
    """The machine; a table is from one machine, so another machine's table is not continued."""
    here: dict[str, Any] = machine(device, packages=("torch", "torchvision", "transformers"))
    here |= {"patience": settings.patience, "memory": settings.memory}
    file = output / "machine.json"
    if (output / "speed.csv").is_file():
        before = json_module.loads(file.read_text()) if file.is_file() else {}
        other = [f"{key} {before.get(key)} there, {here[key]} here" for key in _LASTING if before.get(key) != here[key]]
        if other:
            raise UserError(f"{output} was measured elsewhere ({'; '.join(other)}); name another --output")
    here["date"] = time.strftime("%Y-%m-%d")
    with whole_file(file) as temporary:
        temporary.write_text(json_module.dumps(here, indent=2))
    return here


def _read(file: Path) -> list[Row]:
    if not file.is_file():
        return []
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            return [Row.from_text(row) for row in csv.DictReader(lines)]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{file} is no table of this command ({error}); name another --output") from None


def _line(row: Row) -> str:
    what = f"{row.model} {row.frames} x {row.size} {row.what} {row.precision} batch {row.batch}"
    if row.milliseconds is None:
        return f"{what}: {row.result}"
    memory = "" if row.peak_mib is None else f", {row.peak_mib:,.0f} MiB"
    clips = f" of {row.clips} clips" if row.batch == "largest" else ""
    return (
        f"{what}: {row.milliseconds:,.1f} ms{clips}, {row.clips_per_second:.3g} clips/s{memory} ({row.passes} passes)"
    )


def _write(output: Path, rows: Sequence[Row], facts: dict[str, Any]) -> None:
    """Text and picture of everything in the folder."""
    groups = list(dict.fromkeys((row.what, row.precision, row.batch) for row in rows))
    names = list(dict.fromkeys(row.model for row in rows))
    text = "".join(f"{key}: {value}\n" for key, value in facts.items())
    sections = [f"```\n{text}```\n", _models_table(rows, names)]
    panels = {}
    for group in groups:
        own = [row for row in rows if (row.what, row.precision, row.batch) == group]
        panels["{}, {}, batch {}".format(*group)] = {
            name: found for name in names if (found := timing.points(own, name, *group))
        }
        sections += _group_tables(own, names, group)
    fitted = [[s["model"], s["group"], f"{s['slope']:.2f}", str(s["inputs"])] for s in slopes(rows)]
    sections.append("## Time over tokens\n\n" + as_markdown(("model", "cells", "slope", "inputs"), fitted))
    with whole_file(output / "speed.md") as temporary:
        temporary.write_text("\n".join(sections), encoding="utf-8")
    figure = scaling_figure(
        panels, xlabels=["tokens (2 x 16 x 16 pieces of a clip)"] * len(panels), ylabel="milliseconds per clip"
    )
    with whole_file(output / "speed.png") as temporary:
        figure.savefig(temporary, format="png", dpi=130)


def _models_table(rows: Sequence[Row], names: Sequence[str]) -> str:
    lines = []
    for name in names:
        of_name = [row for row in rows if row.model == name]
        row = next((row for row in of_name if row.parameters), of_name[0])
        gigas = count(name, 16, 224).multiply_adds / 1e9
        lines.append([name, f"{(row.parameters or 0) / 1e6:.1f}", row.attention or "-", f"{gigas:.1f}"])
    return as_markdown(("model", "M parameters", "attention", "G multiply-adds, 16 x 224"), lines)


def _group_tables(rows: Sequence[Row], names: Sequence[str], group: tuple[str, str, str]) -> list[str]:
    """Latency and memory; the fastest is bold."""
    by_cell = {(row.model, row.frames, row.size): row for row in rows}
    inputs = sorted({(row.tokens, row.frames, row.size) for row in rows})
    largest = group[2] == "largest"

    def table(show: Any) -> str:
        lines = []
        for tokens, frames, size in inputs:
            found = [by_cell.get((name, frames, size)) for name in names]
            lines.append([str(frames), str(size), f"{tokens:,}", *("" if row is None else show(row) for row in found)])
        return as_markdown(("frames", "size", "tokens", *names), lines)

    def speed_of(row: Row) -> str:
        if row.milliseconds is None:
            return row.result
        return f"{row.clips_per_second:.3g} ({row.clips})" if largest else f"{row.milliseconds:,.0f}"

    unit = "clips per second (clips of the batch)" if largest else "milliseconds per batch, median"
    return [
        f"## {group[0]}, {group[1]}, batch {group[2]}\n\n{unit}\n\n{table(speed_of)}",
        f"highest memory, MiB\n\n{table(lambda row: '' if row.peak_mib is None else f'{row.peak_mib:,.0f}')}",
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 2 for a mistake of the user's."""
    try:
        status: int = tyro.extras.subcommand_cli_from_dict(
            {"speed": speed, "operations": operations}, prog="python -m benchmarks.models", args=argv
        )
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
