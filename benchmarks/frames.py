"""Time and peak memory of one forward pass of 8 to 1024 frames, and the estimates of ``videomamba info``.

    python -m benchmarks.frames measure [--output runs/frames] [--patience 25] [--seconds 150]
    python -m benchmarks.frames estimate [--output runs/frames]

``measure`` runs each model at each input in a process of its own (see :mod:`benchmarks.models.speed`), keeps the cells
in frames.csv, and begins no other input after ``--seconds``: run it again to continue. It writes frames.md and
frames.png.
``estimate`` compares the rows of VideoMamba with what the estimate says here.
"""

import argparse
import csv
import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.models.speed import Cell, Row, Settings, available_memory, measure
from videomamba.files import whole_file, write_text
from videomamba.inference.estimate import estimate
from videomamba.machine import machine_line
from videomamba.models import create_model
from videomamba.tables import as_markdown, write_csv
from videomamba.viz.scaling import Points, scaling_figure, slope

OURS = ("videomamba_nano", "videomamba_tiny")
MODELS = (*OURS, "videomae_s", "timesformer")
FRAMES, SIZES = (8, 16, 32, 64, 128, 256, 512, 1024), (112, 224)
LEAST = 1500  # tokens from which slopes are fitted: below, a pass costs what it costs to call so many operations


def run(output: Path, patience: float, seconds: float) -> None:
    rows = read(output)
    cells = [Cell(m, f, s, "forward", "fp32", "1") for m in MODELS for f in FRAMES for s in SIZES]
    memory = available_memory()
    limit = None if memory is None else int(0.9 * memory)
    began = time.perf_counter()
    for found in measure(cells, Settings("cpu", patience, rounds=1, turn=1.0, memory=limit), rows):
        rows += found
        write_csv(output / "frames.csv", [*map(dataclasses.asdict, rows)])
        for row in found:
            print(row.model, row.frames, row.size, row.result, row.milliseconds, row.peak_mib, flush=True)
        if time.perf_counter() - began > seconds:
            break
    write(output, rows)
    print(f"{len(cells) - len(rows)} of {len(cells)} cells are left")


def read(output: Path) -> list[Row]:
    file = output / "frames.csv"
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as lines:
        return [Row.from_text(row) for row in csv.DictReader(lines)]


def points(rows: Sequence[Row], model: str, figure: str, least: int = 0) -> Points:
    """(tokens, milliseconds or MiB) of one model's cells that have figures."""
    chosen = [row for row in rows if row.model == model and row.result == "ok" and row.tokens >= least]
    return [(float(row.tokens), getattr(row, figure)) for row in chosen]


def write(output: Path, rows: Sequence[Row]) -> None:
    figures = {"milliseconds": "milliseconds of one pass", "peak_mib": "peak memory, MiB, beside PyTorch's own"}
    sections = [f"{machine_line('cpu')}\n"]
    for figure, title in figures.items():
        lines = []
        for size in SIZES:
            for frames in FRAMES:
                here = {row.model: row for row in rows if (row.frames, row.size) == (frames, size)}
                texts = [_shown(here.get(model), figure) for model in MODELS]
                tokens = frames // 2 * (size // 16) ** 2
                lines.append([str(frames), str(size), f"{tokens:,}", *texts])
        sections.append(f"{title}\n\n" + as_markdown(("frames", "size", "tokens", *MODELS), lines))
    slopes = []
    for model in MODELS:
        found = [slope(points(rows, model, figure, LEAST)) for figure in figures]
        slopes.append([model, *("" if value is None else f"{value:.2f}" for value in found)])
    sections.append(f"slopes from {LEAST} tokens on\n\n" + as_markdown(("model", "time", "memory"), slopes))
    write_text(output / "frames.md", "\n".join(sections))
    panels = {
        title: {model: found for model in MODELS if (found := points(rows, model, figure))}
        for figure, title in figures.items()
    }
    picture = scaling_figure(panels, xlabels=["tokens (2 x 16 x 16 pieces of a clip)"] * 2, ylabel="")
    with whole_file(output / "frames.png") as temporary:
        picture.savefig(temporary, format="png", dpi=130)


def _shown(row: Row | None, figure: str) -> str:
    if row is None:
        return ""
    return f"{getattr(row, figure):,.0f}" if row.result == "ok" else row.result.split(" at ")[0]


def compare(output: Path) -> None:
    """Memory at every input, time at the longest ones that were measured."""
    for row in read(output):
        if row.model not in OURS or row.result != "ok" or row.tokens < LEAST:
            continue
        model = create_model(row.model, num_frames=16, img_size=row.size, num_classes=400)
        found = estimate(model, row.frames, row.size, device=torch.device("cpu"))
        assert row.milliseconds is not None
        assert row.peak_mib is not None
        memory, taken = found.peak_bytes / 2**20, 1e3 * found.seconds
        print(
            f"| {row.model} | {row.frames} | {row.size} | {row.peak_mib:,.0f} | {memory:,.0f} | "
            f"{memory / row.peak_mib - 1:+.0%} | {row.milliseconds:,.0f} | {taken:,.0f} | "
            f"{taken / row.milliseconds - 1:+.0%} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("measure", "estimate"))
    parser.add_argument("--output", type=Path, default=Path("runs/frames"))
    parser.add_argument("--patience", type=float, default=25.0)
    parser.add_argument("--seconds", type=float, default=150.0)
    options = parser.parse_args()
    if options.what == "measure":
        run(options.output, options.patience, options.seconds)
    else:
        compare(options.output)


if __name__ == "__main__":
    main()
