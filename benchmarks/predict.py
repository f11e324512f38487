"""Clips per second of ``videomamba.predict`` beside decoding alone and beside the model alone at its best batch.

On a CPU decoding and the model share the processors: where each alone keeps all of them busy, both together cannot
exceed 1 / (1 / decoding + 1 / model), which is printed too.

    python benchmarks/predict.py [--clips 200] [--rounds 5] [--device cpu|cuda] [--json]

Renders the clips to a temporary folder; decoding alone has as many threads as ``predict`` has; the three are timed in
turn, medians of the rounds are printed.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line has it, before PyTorch is loaded

import torch

import videomamba
from videomamba.data.synthetic import SyntheticMotions, write_synthetic
from videomamba.inference.device import resolve_device
from videomamba.inference.source import model_input
from videomamba.machine import machine_line

BATCHES = (1, 4, 8, 16, 32)


def seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu", help="computes the model; files are decoded on the CPU")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    device = resolve_device(options.device)
    model = videomamba.create_model("videomamba_nano", num_classes=8).eval().to(device)
    with tempfile.TemporaryDirectory() as folder:
        write_synthetic(Path(folder) / "data", SyntheticMotions(train_per_class=1, test_per_class=options.clips // 8))
        paths = sorted((Path(folder) / "data" / "test").rglob("*.mp4"))
        figures = measure(model, paths, options.rounds, device)
    figures["machine"] = machine_line(device)
    if options.json:
        json.dump(figures, sys.stdout, indent=2)
        return
    for name in ("decoding", "model", "shared", "predict"):
        print(f"{name:<10} {figures[name]:7.1f} clips/s")
    print(
        f"predict is {figures['share']:.0%} of the lower one of the first two, {figures['of_shared']:.0%} of shared; "
    )
    print(f"best batch {figures['batch']}; {figures['machine']}")


@torch.inference_mode()
def measure(
    model: videomamba.VideoMamba, paths: list[Path], rounds: int, device: torch.device
) -> dict[str, float | int | str]:
    """Clips per second, medians of interleaved rounds."""
    clips = torch.cat([model_input(path, model.preprocessing) for path in paths])

    def decode() -> None:
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            list(pool.map(lambda path: model_input(path, model.preprocessing), paths))

    def compute(batch: int) -> None:
        for part in clips.split(batch):
            model(part.to(device)).cpu()

    ways: dict[str, Callable[[], object]] = {
        "decoding": decode,
        **{f"model {batch}": lambda batch=batch: compute(batch) for batch in BATCHES},
        "predict": lambda: list(videomamba.predict(model, paths, device=device.type)),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            taken = seconds(way)
            if turn:  # the first round warms up
                times[name].append(taken)
    rates = {name: len(paths) / statistics.median(values) for name, values in times.items()}
    batch = max(BATCHES, key=lambda batch: rates[f"model {batch}"])
    decoding, alone, both = rates["decoding"], rates[f"model {batch}"], rates["predict"]
    shared = 1 / (1 / decoding + 1 / alone)
    return {
        "decoding": decoding,
        "model": alone,
        "shared": shared,
        "predict": both,
        "of_shared": both / shared,
        "batch": batch,
        "share": both / min(decoding, alone),
    }


if __name__ == "__main__":
    main()
