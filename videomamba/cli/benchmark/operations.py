"""``videomamba benchmark operations``: the operations of a VideoMamba, counted."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from rich.table import Table

from videomamba.cli.common.options import Json, option, people, print_json
from videomamba.cli.common.outputs import check_outputs
from videomamba.cli.common.wide import print_wide
from videomamba.errors import UserError
from videomamba.files import whole_file, write_text
from videomamba.tables import as_markdown, write_csv

if TYPE_CHECKING:
    from videomamba.models.operations import Part, Totals


def operations(
    model: Annotated[str, option("NAME")] = "videomamba_small",
    frames: Annotated[tuple[int, ...], option("N...")] = (8, 16, 32, 64, 128),
    sizes: Annotated[tuple[int, ...], option("PIXELS...")] = (112, 224, 448),
    csv: Annotated[Path | None, option("FILE")] = None,
    markdown: Annotated[Path | None, option("FILE")] = None,
    plot: Annotated[Path | None, option("FILE")] = None,
    json: Json = False,
) -> int:
    """Counts the operations of a VideoMamba, part by part, and over frames and sizes, from its definition.

    `python -m benchmarks.models operations` in a checkout compares it with ViViT, TimeSformer and others.

    Args:
        model: name of an architecture, videomamba_...
        frames: of a clip; the parts are listed at 16 frames if these are among them, else at the first value
        sizes: height and width in pixels; the parts are listed at 224 if it is among them, else at the first value
        csv: also write the counts there
        markdown: also write them there as a table
        plot: also draw them there (.png, .pdf, .svg)
    """
    from videomamba.models.operations import totals

    for name, values in (("frames", frames), ("sizes", sizes)):
        if not values or min(values) < 1:
            given = " ".join(map(str, values)) or "(none)"
            raise UserError(f"--{name} {given}: give at least one number, each at least 1")
    check_outputs(csv, markdown, plot)
    count, size = 16 if 16 in frames else frames[0], 224 if 224 in sizes else sizes[0]
    parts = _parts(model, count, size)
    rows = [Row(f, s, _tokens(f, s), totals(_parts(model, f, s))) for s in sizes for f in frames]
    sums = totals(parts)
    console = people()
    console.print(_parts_table(f"{model}: a clip of {count} frames, {size} x {size}", parts))
    console.print(f"{sums.parameters:,} parameters; {in_words(sums)}", soft_wrap=True)
    console.print("G operations of a clip:")
    print_wide(console, _HEAD, [*map(_cells, rows)], names=3)
    if csv is not None:
        write_csv(csv, [*map(_flat, rows)])
    if markdown is not None:
        write_text(markdown, as_markdown(_HEAD, map(_cells, rows)))
    if plot is not None:
        _draw(plot, model, rows, count, size)
    if json:
        facts = {"model": model, "frames": count, "size": size, **dataclasses.asdict(sums)}
        print_json({**facts, "parts": [*map(dataclasses.asdict, parts)], "rows": [*map(_flat, rows)]})
    return 0


def in_words(sums: "Totals") -> str:
    """Both conventions, each with its name."""
    return (
        f"as the paper counts {giga(sums.paper)} multiply-adds (patch embedding, in_proj, out_proj); all products "
        f"{giga(sums.multiply_adds)} multiply-adds, {giga(sums.elementwise)} other additions and multiplications, "
        f"{giga(sums.functions)} exponentials, SiLUs and roots"
    )


def giga(count: float) -> str:
    return f"{count / 1e9:.3g} G"


class Row(NamedTuple):
    """A clip, the number of its 2 x 16 x 16 pieces, and its operations."""

    frames: int
    size: int
    tokens: int
    sums: "Totals"


_HEAD = ("frames", "size", "tokens", "paper's count", "all multiply-adds", "other + and x", "exponentials etc.")


def _cells(row: Row) -> list[str]:
    sums = row.sums
    counts = (sums.paper, sums.multiply_adds, sums.elementwise, sums.functions)
    return [str(row.frames), str(row.size), f"{row.tokens:,}", *(f"{count / 1e9:,.1f}" for count in counts)]


def _flat(row: Row) -> dict[str, int]:
    return {"frames": row.frames, "size": row.size, "tokens": row.tokens, **dataclasses.asdict(row.sums)}


def _tokens(frames: int, size: int) -> int:
    return frames // 2 * (size // 16) ** 2


def _parts(model: str, frames: int, size: int) -> "list[Part]":
    """
    Raises:
        UserError: no VideoMamba, or an input that it cannot take.
    """
    from videomamba.models import VideoMambaConfig, list_models, model_config
    from videomamba.models.operations import videomamba_operations

    names = [name for name in list_models("videomamba_*") if not name.endswith("_detector")]
    if model not in names:
        raise UserError(f"unknown model {model!r}; choose one of {', '.join(names)}")
    config = model_config(model, num_frames=frames, img_size=size)
    assert isinstance(config, VideoMambaConfig)
    return videomamba_operations(config)


def _parts_table(title: str, parts: "Sequence[Part]") -> Table:
    head = ("part", "parameters", "M multiply-adds", "M other + and x", "M exponentials etc.")
    table = Table(*head, title=title, title_justify="left")
    for part in parts:
        millions = (f"{n / 1e6:,.1f}" for n in (part.multiply_adds, part.elementwise, part.functions))
        table.add_row(part.name, f"{part.parameters:,}", *millions)
    return table


def _draw(file: Path, model: str, rows: Sequence[Row], count: int, size: int) -> None:
    """Over frames at one size, over sizes at one length."""
    from videomamba.viz.scaling import scaling_figure

    over_frames = [(row.frames, row.sums.multiply_adds / 1e9) for row in rows if row.size == size]
    over_sizes = [(row.size**2 / 256, row.sums.multiply_adds / 1e9) for row in rows if row.frames == count]
    figure = scaling_figure(
        {f"{size} x {size} pixels": {model: over_frames}, f"{count} frames": {model: over_sizes}},
        xlabels=("frames", "16 x 16 patches of a frame"),
        ylabel="multiply-adds of a clip (G)",
    )
    with whole_file(file) as temporary:
        figure.savefig(temporary, format=file.suffix[1:], dpi=130)
