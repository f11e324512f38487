"""Time and peak memory of one forward pass of 8 to 1024 frames, and the estimates of ``videomamba info``.

    python -m benchmarks.frames memory [--output runs/frames] [--models NAME ...] [--patience 120] [--seconds 500]
    python -m benchmarks.frames time [--output runs/frames] [--models NAME ...] [--patience 25] [--seconds 150]
    python -m benchmarks.frames estimate [--output runs/frames]

``memory`` runs each model at each input in a process of its own (see :mod:`benchmarks.models.speed`); other work on
the machine does not change it. ``time`` runs them in this process, models in turn, on a machine that does nothing
else. Both keep what they found in frames.csv, begin no other input after ``--seconds`` (run them again to continue),
and write frames.md and frames.png. A model whose next pass would take longer than ``--patience`` has stopped there.
``--training`` is for forward, backward and AdamW's step instead of the forward pass; give it another ``--output``.
"""

import argparse
import csv
import dataclasses
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.models.operations import video_tokens
from benchmarks.models.speed import Cell, Row, Settings, available_memory, measure
from benchmarks.models.worker import Subject
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
_TURN = 1.0  # seconds of timed passes


def cells(models: Sequence[str], what: str) -> list[Cell]:
    """Of each model, the shortest first."""
    found = [Cell(m, f, s, what, "fp32", "1") for f in FRAMES for s in SIZES for m in models]
    return sorted(found, key=lambda cell: video_tokens(cell.frames, cell.size))


def run_memory(output: Path, wanted: Sequence[Cell], patience: float, seconds: float) -> None:
    rows = read(output)
    done = [row for row in rows if row.peak_mib is not None or row.result != "ok"]
    memory = available_memory()
    limit = None if memory is None else int(0.9 * memory)
    began = time.perf_counter()
    for found in measure(wanted, Settings("cpu", patience, rounds=1, turn=0.0, memory=limit), done):
        for row in found:
            rows = merged(rows, dataclasses.replace(row, milliseconds=None, clips_per_second=None, passes=0))
            print(row.model, row.frames, row.size, row.result, row.peak_mib, flush=True)
        write_csv(output / "frames.csv", [*map(dataclasses.asdict, rows)])
        if time.perf_counter() - began > seconds:
            break
    write(output, rows)


def run_time(output: Path, wanted: Sequence[Cell], patience: float, seconds: float) -> None:
    rows, began = read(output), time.perf_counter()
    per_token: dict[str, float] = {}  # seconds, at the longest input so far
    for row in rows:
        if row.milliseconds is not None:
            per_token[row.model] = row.milliseconds / 1e3 / row.tokens
    for cell in wanted:
        here = next((row for row in rows if row.cell == cell and row.milliseconds is not None), None)
        tokens = video_tokens(cell.frames, cell.size)
        expected = per_token.get(cell.model, 0.0) * tokens
        if here is not None or expected > patience:
            continue
        if time.perf_counter() - began + 2 * expected > seconds:
            print(cell.model, cell.frames, cell.size, f"is left: {expected:.0f} s a pass", flush=True)
            continue
        times = passes(cell, expected)
        per_token[cell.model] = statistics.median(times) / tokens
        milliseconds = 1e3 * statistics.median(times)
        found = dataclasses.asdict(cell) | {"tokens": tokens, "passes": len(times), "milliseconds": milliseconds}
        rows = merged(rows, Row(**found, result="ok"))
        write_csv(output / "frames.csv", [*map(dataclasses.asdict, rows)])
        print(cell.model, cell.frames, cell.size, f"{milliseconds:.1f} ms, {len(times)} passes", flush=True)
    write(output, rows)


def passes(cell: Cell, expected: float) -> list[float]:
    """Seconds of each; a long one is not run once more to warm up."""
    subject = Subject({**dataclasses.asdict(cell), "device": "cpu", "memory": None})
    subject.batch(1)
    times: list[float] = []
    if expected < 4 * _TURN:
        subject.run()
    while not times or sum(times) + times[-1] < _TURN or (len(times) < 3 and sum(times) < 2 * _TURN):
        began = time.perf_counter()
        subject.run()
        times.append(time.perf_counter() - began)
    return times


def merged(rows: Sequence[Row], new: Row) -> list[Row]:
    """The rows with what is new; memory and time of one cell come from two runs."""
    old = next((row for row in rows if row.cell == new.cell), None)
    if old is None:
        return [*rows, new]
    kept = {name: value for name, value in dataclasses.asdict(old).items() if value and name != "result"}
    fresh = {name: value for name, value in dataclasses.asdict(new).items() if value}
    both = dataclasses.replace(new, **{**kept, **fresh})
    return [both if row is old else row for row in rows]


def read(output: Path) -> list[Row]:
    file = output / "frames.csv"
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as lines:
        return [Row.from_text(row) for row in csv.DictReader(lines)]


def points(rows: Sequence[Row], model: str, figure: str, least: int = 0) -> Points:
    """(tokens, milliseconds or MiB) of one model's cells that have figures."""
    chosen = [row for row in rows if row.model == model and row.tokens >= least and getattr(row, figure) is not None]
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
    if row.result != "ok":
        return row.result.split(" at ")[0]
    value = getattr(row, figure)
    return "" if value is None else f"{value:,.0f}"


def run_estimate(output: Path, wanted: Sequence[Cell], patience: float, seconds: float) -> None:
    """What ``videomamba info`` says of memory beside frames.csv, and of time beside passes that are run right after."""
    rows, began = read(output), time.perf_counter()
    print("| model | frames | size | tokens | MiB | estimate | | ms | estimate | |\n" + "| --- " * 10 + "|")
    for cell in wanted:
        if cell.model not in OURS or time.perf_counter() - began > seconds:
            continue
        model = create_model(cell.model, num_frames=16, img_size=cell.size, num_classes=400)
        found = estimate(model, cell.frames, cell.size, device=torch.device("cpu"))
        peak = next((row.peak_mib for row in rows if row.cell == cell), None)
        fastest = 1e3 * min(passes(cell, found.seconds)) if found.seconds < patience else None
        fields = [cell.model, cell.frames, cell.size, f"{found.tokens:,}"]
        for measured, estimated in ((peak, found.peak_bytes / 2**20), (fastest, 1e3 * found.seconds)):
            if measured is None:
                fields += ["", f"{estimated:,.0f}", ""]
            else:
                fields += [f"{measured:,.0f}", f"{estimated:,.0f}", f"{estimated / measured - 1:+.0%}"]
        print("| " + " | ".join(map(str, fields)) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("memory", "time", "estimate"))
    parser.add_argument("--output", type=Path, default=Path("runs/frames"))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--training", action="store_true")
    parser.add_argument("--patience", type=float)
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    wanted = cells(options.models, "training" if options.training else "forward")
    run, patience, seconds = {
        "memory": (run_memory, 120.0, 500.0),
        "time": (run_time, 25.0, 150.0),
        "estimate": (run_estimate, 3.0, 150.0),
    }[options.what]
    run(options.output, wanted, options.patience or patience, options.seconds or seconds)


if __name__ == "__main__":
    main()
