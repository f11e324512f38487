"""``videomamba benchmark scan``: every implementation of the scan on this machine, each with its floor."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from videomamba.cli.common.options import Device, Json, option, people, print_json
from videomamba.cli.common.outputs import check_outputs
from videomamba.cli.common.wide import print_wide
from videomamba.errors import UserError
from videomamba.files import whole_file, write_text
from videomamba.tables import as_markdown, write_csv

if TYPE_CHECKING:
    from videomamba.benchmark.scan import Row


def scan(
    batches: Annotated[tuple[int, ...], option("N...")] = (1,),
    lengths: Annotated[tuple[int, ...], option("N...")] = (400, 1569, 6273),
    csv: Annotated[Path | None, option("FILE")] = None,
    markdown: Annotated[Path | None, option("FILE")] = None,
    plot: Annotated[Path | None, option("FILE")] = None,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Times every backend of the scan that runs here, after checking it against the float64 reference.

    Args:
        batches: clips at a time
        lengths: tokens of a clip; the paper's model has 1569 at 16 frames of 224 x 224
        csv: also write the rows there
        markdown: also write a table there
        plot: also draw it there (.png, .pdf, .svg)
    """
    from videomamba.benchmark import scan as benchmark
    from videomamba.inference.device import resolve_device
    from videomamba.machine import machine, machine_line

    for name, values in (("batches", batches), ("lengths", lengths)):
        if not values or min(values) < 1:
            raise UserError(f"--{name} {' '.join(map(str, values))}: give at least one number, each at least 1")
    check_outputs(csv, markdown, plot)
    console = people()
    where = resolve_device(device)
    backends = benchmark.runnable_backends(where)
    facts: dict[str, Any] = {
        **machine(where),
        "errors": {backend: benchmark.check(backend, where) for backend in backends},
    }
    for backend, errors in facts["errors"].items():
        console.print(
            f"{backend}: forward {errors['forward']:.1e}, gradients {errors['gradient']:.1e} off the reference"
        )
    console.print(machine_line(where), highlight=False, soft_wrap=True)
    rows: list[Row] = []
    for measured in benchmark.measure(backends, where, batches=batches, lengths=lengths):
        rows += measured
        for row in measured:
            console.print(" ".join(_cells(row)), style="dim", highlight=False)
    print_wide(console, _HEAD, [*map(_cells, rows)], names=5)
    facts["summary"] = benchmark.summary(rows)
    for backend, ratios in facts["summary"].items():
        said = ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in ratios.items())
        console.print(f"{backend}: {said}", highlight=False)
    if csv is not None:
        write_csv(csv, [*map(dataclasses.asdict, rows)])
    if markdown is not None:
        write_text(markdown, as_markdown(_HEAD, map(_cells, rows)))
    if plot is not None:
        _draw(plot, rows, machine_line(where))
    if json:
        print_json({**facts, "rows": [dataclasses.asdict(row) for row in rows]})
    return 0


_HEAD = (
    *("backend", "directions", "B", "L", "pass", "ms"),
    *("recurrence ms", "bytes ms", "x floor", "recurrence %", "rest %", "x torch"),
)


def _cells(row: "Row") -> list[str]:
    """The floor is the larger of the recurrence alone and the bytes; the rest is all but the recurrence."""
    names = (row.backend, row.directions, row.batch, row.length, row.what)
    share = 100 * row.recurrence / row.milliseconds
    return [
        *map(str, names),
        *(f"{x:.2f}" for x in (row.milliseconds, row.recurrence, row.memory, row.times_floor)),
        *(f"{x:.0f}" for x in (share, 100 - share)),
        f"{row.times_torch:.1f}",
    ]


def _draw(file: Path, rows: "list[Row]", device: str) -> None:
    """One panel per pass, for one and two directions: time over tokens, with the floor as a separate line."""
    from videomamba.viz.scaling import scaling_figure

    panels: dict[str, dict[str, dict[int, float]]] = {}
    for row in rows:
        lines = panels.setdefault(f"{row.what}, {row.directions} direction{'s' * (row.directions > 1)}", {})
        tokens = row.batch * row.length
        lines.setdefault(row.backend, {})[tokens] = row.milliseconds
        floor = lines.setdefault("floor", {})  # measured beside each backend
        floor[tokens] = min(row.floor, floor.get(tokens, row.floor))
    points = {panel: {name: [*line.items()] for name, line in lines.items()} for panel, lines in panels.items()}
    figure = scaling_figure(points, xlabels=["tokens"] * len(panels), ylabel="ms", title=f"the scan on {device}")
    with whole_file(file) as temporary:
        figure.savefig(temporary, format=file.suffix[1:], dpi=130)
