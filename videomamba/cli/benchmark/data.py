"""``videomamba benchmark data``: what a training clip costs, beside what its decoder alone needs."""

import dataclasses
import random
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.progress import Progress

from videomamba.cli.common.options import Json, default_workers, option, people, print_json
from videomamba.cli.common.outputs import check_outputs
from videomamba.errors import UserError
from videomamba.files import whole_file, write_text
from videomamba.tables import as_markdown, write_csv

if TYPE_CHECKING:
    from videomamba.benchmark.data import Row
    from videomamba.data.reader import DecoderName
    from videomamba.preprocessing import Preprocessing


def data(
    data: Annotated[tuple[Path, ...], tyro.conf.Positional, option("VIDEOS...")],
    frames: Annotated[int, option("N")] = 16,
    size: Annotated[int, option("PIXELS")] = 112,
    strides: Annotated[tuple[str, ...], option("N|uniform...")] = ("uniform", "2", "4"),
    clips: Annotated[int, option("N")] = 60,
    rounds: Annotated[int, option("N")] = 3,
    workers: Annotated[int | None, option("N")] = None,
    csv: Annotated[Path | None, option("FILE")] = None,
    markdown: Annotated[Path | None, option("FILE")] = None,
    plot: Annotated[Path | None, option("FILE")] = None,
    json: Json = False,
) -> int:
    """Times reading, decoding and augmenting (as the paper does) of training clips, for every decoder that works here.

    The decoder alone is timed in three ways, for the frames up to the last one used: without conversion, with the used
    frames converted to RGB, and with all of them converted; torchcodec always converts the frames that it returns.

    Args:
        data: video files, or folders of them
        frames: of a clip
        size: height and width in pixels
        strides: source frames from one to the next, or uniform: evenly over the video
        clips: number of videos, drawn from those found (the same ones for the same data)
        rounds: how often each video is read, with other frames each time
        workers: processes for the larger of the two throughput figures (half of the cores, at most 8)
        csv: also write the rows there
        markdown: also write a table there
        plot: also draw it there (.png, .pdf, .svg)
    """
    from videomamba.benchmark import data as benchmark
    from videomamba.data import find_videos
    from videomamba.inference.device import resolve_device
    from videomamba.machine import machine

    for name, value in (("frames", frames), ("size", size), ("clips", clips), ("rounds", rounds), ("workers", workers)):
        if value is not None and value < 1:
            raise UserError(f"--{name} {value}: give a number of at least 1")
    if not strides:
        raise UserError("--strides: give at least one, such as uniform")
    check_outputs(csv, markdown, plot)
    inputs = [_preprocessing(frames, stride, size) for stride in dict.fromkeys(strides)]
    paths = find_videos(data)
    random.Random(0).shuffle(paths)
    paths = paths[:clips]
    console = people()
    decoders = benchmark.runnable_decoders(paths)
    for name, status in decoders.items():
        if status != "works":
            console.print(f"{name} is left out: {status}", soft_wrap=True)
    names: list[DecoderName] = [name for name, status in decoders.items() if status == "works"]
    rows: list[Row] = []
    speeds: dict[str, dict[int, float]] = {}
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("clips", total=len(names) * len(inputs) * (rounds + 1) * len(paths))
        for name in names:
            for preprocessing in inputs:
                row = benchmark.measure(
                    name, paths, preprocessing, rounds=rounds, progress=lambda: progress.advance(bar)
                )
                rows.append(row)
                console.print(_in_words(row))
            speeds[name] = benchmark.clips_per_second(
                name, paths, inputs[0], workers=sorted({1, workers or default_workers()})
            )
    for name, by_workers in speeds.items():
        said = ", ".join(f"{speed:.0f} with {n} worker{'s' * (n > 1)}" for n, speed in by_workers.items())
        console.print(f"{name}, {strides[0]}: clips/s {said}")
    if csv is not None:
        write_csv(csv, [*map(dataclasses.asdict, rows)])
    if markdown is not None:
        write_text(markdown, as_markdown(_HEAD, map(_cells, rows)))
    if plot is not None:
        _draw(plot, rows, f"a training clip of {frames} frames, {size} x {size}")
    if json:
        facts = {"machine": machine(resolve_device("cpu")), "decoders": decoders, "clips_per_second": speeds}
        print_json({**facts, "rows": [dataclasses.asdict(row) for row in rows]})
    return 0


_HEAD = (
    *("decoder", "stride", "clips", "frames", "bare ms", "used RGB ms", "all RGB ms"),
    *("open", "read", "transform", "sample ms", "x bare", "x used RGB", "x all RGB"),
    *("sums: x bare", "x used RGB", "x all RGB"),
)


def _cells(row: "Row") -> list[str]:
    alone = [_number(value) for value in (row.bare, row.used, row.every)]
    parts = [_number(value) for value in (row.opening, row.reading, row.transform, row.sample)]
    times = [_number(value) for value in (row.times_bare, row.times_used, row.times_every)]
    times += [_number(value) for value in (row.sums_bare, row.sums_used, row.sums_every)]
    return [row.decoder, row.sampling, str(row.clips), f"{row.decoded:g}", *alone, *parts, *times]


def _draw(file: Path, rows: "list[Row]", title: str) -> None:
    from videomamba.viz.bars import cost_figure

    parts, marks = {}, {}
    for row in rows:
        name = f"{row.decoder}, stride {row.sampling}"
        parts[name] = {"open": row.opening, "read": row.reading, "augment": row.transform}
        parts[name]["draw and else"] = max(0.0, row.sample - sum(parts[name].values()))
        alone = {"decoder alone": row.bare, "with the clip's pictures": row.used, "with all pictures": row.every}
        marks[name] = {mark: value for mark, value in alone.items() if value is not None}
    figure = cost_figure(parts, marks, xlabel="ms, medians", title=title)
    with whole_file(file) as temporary:
        figure.savefig(temporary, format=file.suffix[1:], dpi=130)


def _in_words(row: "Row") -> str:
    alone = [
        f"  {_number(ms)} ms {what}: {_number(times)} times ({_number(sums)} in all)"
        for what, ms, times, sums in (
            ("decodes them", row.bare, row.times_bare, row.sums_bare),
            ("and makes the used ones pictures", row.used, row.times_used, row.sums_used),
            ("or all of them", row.every, row.times_every, row.sums_every),
        )
        if ms is not None
    ]
    return "\n".join(
        [
            f"{row.decoder}, stride {row.sampling}, {row.decoded:g} frames up to the last one used ({row.clips} clips)",
            f"  {_number(row.sample)} ms a training sample (open {_number(row.opening)}, read {_number(row.reading)}, "
            f"transform {_number(row.transform)}); the decoder alone takes",
            *alone,
        ]
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _preprocessing(frames: int, stride: str, size: int) -> "Preprocessing":
    from videomamba.preprocessing import Preprocessing

    if stride != "uniform" and (not stride.isdecimal() or int(stride) < 1):
        raise UserError(f"--strides {stride}: give uniform, or a number of at least 1")
    return Preprocessing(frames, None if stride == "uniform" else int(stride), (size, size))
