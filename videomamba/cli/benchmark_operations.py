"""``videomamba benchmark operations``: what a model costs, counted, beside the others."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.table import Table

from videomamba.cli.options import Json, option, people, print_json
from videomamba.cli.tables import check_outputs
from videomamba.files import whole_file, write_text
from videomamba.tables import as_markdown, write_csv

if TYPE_CHECKING:
    from videomamba.benchmark.comparison import Row
    from videomamba.benchmark.operations import Part, Totals


def operations(
    model: Annotated[str, option("NAME")] = "videomamba_small",
    frames: Annotated[tuple[int, ...], option("N...")] = (8, 16, 32, 64, 128),
    sizes: Annotated[tuple[int, ...], option("PIXELS...")] = (112, 224, 448),
    csv: Annotated[Path | None, option("FILE")] = None,
    markdown: Annotated[Path | None, option("FILE")] = None,
    plot: Annotated[Path | None, option("FILE")] = None,
    json: Json = False,
) -> int:
    """Counts the operations of a model's parts, and those of VideoMamba and attention models, from their definitions.

    Args:
        model: whose parts are listed, at 16 frames of 224 x 224 where these are asked for, else at the first
        frames: of a clip
        sizes: height and width in pixels
        csv: also write the comparison there
        markdown: also write it there as a table
        plot: also draw it there (.png, .pdf, .svg)
    """
    from videomamba.benchmark.comparison import check_inputs, compare, counts_of
    from videomamba.benchmark.operations import totals
    from videomamba.benchmark.peer_operations import PEERS, by_name

    check_inputs(frames, sizes)
    check_outputs(csv, markdown, plot)
    count, size = 16 if 16 in frames else frames[0], 224 if 224 in sizes else sizes[0]
    parts = by_name(counts_of(model)(count, size))
    ours = "videomamba_small" if model in PEERS else model
    rows = compare((ours, *PEERS), frames, sizes)
    sums = totals(parts)
    console = people()
    console.print(_parts_table(f"{model}: a clip of {count} frames, {size} x {size}", parts))
    console.print(f"{sums.parameters:,} parameters; {in_words(sums)}", soft_wrap=True)
    head, lines = _pivot(rows)
    table = Table(*head, title="G multiply-adds of a clip, all products", title_justify="left")
    for cells in lines:
        table.add_row(*cells)
    console.print(table)
    if csv is not None:
        write_csv(csv, [*map(dataclasses.asdict, rows)])
    if markdown is not None:
        write_text(markdown, as_markdown(head, lines))
    if plot is not None:
        _draw(plot, rows, count, size)
    if json:
        facts = {"model": model, "frames": count, "size": size, **dataclasses.asdict(sums)}
        print_json({**facts, "parts": [*map(dataclasses.asdict, parts)], "rows": [*map(dataclasses.asdict, rows)]})
    return 0


def in_words(sums: "Totals") -> str:
    """Both conventions, each with its name."""
    rest = f", {giga(sums.elementwise)} other additions and multiplications" if sums.elementwise else ""
    whole = (
        f"all products {giga(sums.multiply_adds)} multiply-adds{rest}, {giga(sums.functions)} exponentials and alike"
    )
    if sums.paper == sums.multiply_adds:
        return whole
    return f"as the paper counts {giga(sums.paper)} multiply-adds (patch embedding, in_proj, out_proj); {whole}"


def giga(count: float) -> str:
    return f"{count / 1e9:.3g} G"


def _pivot(rows: "Sequence[Row]") -> tuple[list[str], list[list[str]]]:
    """A line for each input, a column for each model, G multiply-adds in it; ours also as the paper counts."""
    names = list(dict.fromkeys(row.model for row in rows))
    head = ["frames", "size", "tokens", f"{names[0]}, paper's count", *names]
    lines: dict[tuple[int, int], list[str]] = {}
    for row in rows:
        first = [str(row.frames), str(row.size), f"{row.tokens:,}", f"{row.paper / 1e9:,.1f}"]
        lines.setdefault((row.frames, row.size), first).append(f"{row.multiply_adds / 1e9:,.1f}")
    return head, list(lines.values())


def _parts_table(title: str, parts: "Sequence[Part]") -> Table:
    head = ("part", "parameters", "M multiply-adds", "M other + and x", "M exponentials and alike")
    table = Table(*head, title=title, title_justify="left")
    for part in parts:
        millions = (f"{n / 1e6:,.1f}" for n in (part.multiply_adds, part.elementwise, part.functions))
        table.add_row(part.name, f"{part.parameters:,}", *millions)
    return table


def _draw(file: Path, rows: "Sequence[Row]", count: int, size: int) -> None:
    """Over frames at one size, over sizes at one length."""
    from videomamba.viz.scaling import scaling_figure

    names = list(dict.fromkeys(row.model for row in rows))
    over_frames = {
        name: [(row.frames, row.multiply_adds / 1e9) for row in rows if (row.model, row.size) == (name, size)]
        for name in names
    }
    over_sizes = {
        name: [(row.size**2 / 256, row.multiply_adds / 1e9) for row in rows if (row.model, row.frames) == (name, count)]
        for name in names
    }
    figure = scaling_figure(
        {f"{size} x {size} pixels": over_frames, f"{count} frames": over_sizes},
        xlabels=("frames", "16 x 16 patches of a frame"),
        ylabel="multiply-adds of a clip (G)",
    )
    with whole_file(file) as temporary:
        figure.savefig(temporary, format=file.suffix[1:], dpi=130)
