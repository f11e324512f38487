"""``videomamba_small`` of another checkout, of this one, and VideoMAE-S, in turns: is anything slower than it was?

    git worktree add ../before 745f597 && (cd ../before && python setup.py build_ext --inplace)
    python -m benchmarks.before_after ../before --output runs/before_after.csv [--patience 25]

Each model runs in a process of its own, as in ``python -m benchmarks.models speed``; after every input a line is
printed and the csv is written. Run it again to continue. Nothing else may run meanwhile. Freed memory is kept, as the
command line has it: fresh pages would cost all three up to a tenth of their time, by chance.
"""

import argparse
import csv
import os
import statistics
from pathlib import Path

from benchmarks.models.operations import video_tokens
from benchmarks.models.speed import Cell, Settings, Worker
from videomamba.machine import machine_line
from videomamba.tables import write_csv

ROUNDS = 5
INPUTS = {  # (frames, size): those that 0.1's table has figures for on two cores
    ("forward", "fp32"): ((8, 112), (16, 112), (8, 224), (32, 112), (16, 224), (64, 112), (32, 224), (16, 448)),
    ("training", "fp32"): ((8, 112), (16, 112), (8, 224), (32, 112), (16, 224), (64, 112), (32, 224)),
    ("forward", "bf16"): ((8, 112), (8, 224)),
    ("training", "bf16"): ((8, 112),),
}
HERE = Path(__file__).resolve().parents[1]
NAMES = ("before", "now", "videomae_s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="a checkout with compiled kernels")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--patience", type=float, default=25.0, help="seconds of each model at each input")
    options = parser.parse_args()
    os.environ |= {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20)}
    rows = list(csv.DictReader(options.output.open())) if options.output.exists() else []
    done = {(row["pass"], row["precision"], int(row["frames"]), int(row["size"])) for row in rows}
    print(machine_line("cpu"))
    for (what, precision), inputs in INPUTS.items():
        for frames, size in inputs:
            if (what, precision, frames, size) not in done:
                cell = Cell("videomamba_small", frames, size, what, precision, "1")
                rows.append(compared(cell, options.before.resolve(), options.patience))
                write_csv(options.output, rows)
                print(*(f"{name} {value}" for name, value in rows[-1].items()), sep="  ", flush=True)


def compared(cell: Cell, before: Path, patience: float) -> dict[str, str]:
    """Medians in milliseconds, memory in MiB, and the medians over the rounds of the ratios of times."""
    settings = Settings("cpu", patience)
    theirs = Cell("videomae_s", cell.frames, cell.size, cell.what, cell.precision, cell.batch)
    workers = [Worker(cell, settings, before), Worker(cell, settings), Worker(theirs, settings)]
    try:
        for worker in workers:
            worker.await_start()
            worker.set_batch()
        rounds: list[list[float]] = []
        for turn in range(ROUNDS):
            if not all(worker.wants_turn for worker in workers):
                break
            taken = [0.0] * len(workers)
            for i in (*range(turn % 3, 3), *range(turn % 3)):  # no model always runs after the same one
                count = len(workers[i].seconds)
                workers[i].take_turn()
                taken[i] = statistics.median(workers[i].seconds[count:] or [float("nan")])
            rounds.append(taken)
        named = [*zip(NAMES, (worker.row() for worker in workers), strict=True)]
    finally:
        for worker in workers:
            worker.close()
    return {
        "frames": str(cell.frames),
        "size": str(cell.size),
        "tokens": str(video_tokens(cell.frames, cell.size)),
        "pass": cell.what,
        "precision": cell.precision,
        "rounds": str(len(rounds)),
        **{name: f"{row.milliseconds:.0f}" if row.milliseconds else row.result for name, row in named},
        **{f"{name} MiB": f"{row.peak_mib:.0f}" if row.peak_mib else "" for name, row in named},
        "now / before": f"{statistics.median(taken[1] / taken[0] for taken in rounds):.2f}",
        "now / videomae_s": f"{statistics.median(taken[1] / taken[2] for taken in rounds):.2f}",
    }


if __name__ == "__main__":
    main()
