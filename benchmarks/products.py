"""MKL beside oneDNN, in turns: products with the weights of ``videomamba_small``, and its whole passes.

    python benchmarks/products.py

``videomamba/ops/mixer/product.py`` chooses between the two; here each has its turn, whatever is chosen on this machine.
"""

import statistics
import time
from collections.abc import Callable
from unittest import mock

import torch

from videomamba import create_model
from videomamba.benchmark.model import PASSES
from videomamba.machine import machine_line
from videomamba.memory import keep_freed_memory
from videomamba.ops.mixer import product
from videomamba.tables import as_markdown

LIBRARIES = {"MKL": (False, ""), "oneDNN": (True, "")}
ROWS = (17, 50, 197, 785, 1569)
INPUTS = ((8, 112), (16, 112), (8, 224), (16, 224), (32, 224))


def in_turns(run: Callable[[], object], seconds: float) -> dict[str, list[float]]:
    """Seconds of each library's turns; the first of each is not counted."""
    times: dict[str, list[float]] = {name: [] for name in LIBRARIES}
    until = time.perf_counter() + seconds
    while len(times["oneDNN"]) < 4 or time.perf_counter() < until:
        for name, chosen in LIBRARIES.items():
            with mock.patch.object(product, "choice", return_value=chosen):
                began = time.perf_counter()
                run()
                times[name].append(time.perf_counter() - began)
    return {name: found[1:] for name, found in times.items()}


def ratio(times: dict[str, list[float]]) -> str:
    return f"{statistics.median(b / a for a, b in zip(*times.values(), strict=True)):.2f}"


def products() -> list[list[str]]:
    """GFLOP/s of each library. 24 weights take turns, as in a model: they do not stay in the caches."""
    found = []
    for name, inputs, outputs in (("in_proj", 384, 1536), ("out_proj", 768, 384)):
        weights = [torch.randn(outputs, inputs) for _ in range(24)]
        for rows in ROWS:
            x = torch.randn(rows, inputs)
            times = in_turns(lambda x=x, weights=weights: [product.linear(x, weight) for weight in weights], 1.0)
            operations = 2 * 24 * rows * inputs * outputs / 1e9
            speeds = (f"{operations / statistics.median(each):.0f}" for each in times.values())
            found.append([name, f"{rows:,}", *speeds, ratio(times)])
    return found


def passes() -> list[list[str]]:
    """Ratios of times, oneDNN to MKL."""
    model, labels, found = create_model("videomamba_small"), torch.tensor([0]), []
    for frames, size in INPUTS:
        model.set_input_size(frames, size)
        video = torch.randn(1, 3, frames, size, size)
        ratios = [ratio(in_turns(make(model, video, labels), 8.0)) for make in PASSES.values()]
        found.append([str(frames), str(size), *ratios])
    return found


def main() -> None:
    keep_freed_memory()  # as the command line does
    print(machine_line("cpu"), product.choice()[1], sep="\n")
    with torch.inference_mode():
        print(as_markdown(("product", "rows", "MKL, GFLOP/s", "oneDNN, GFLOP/s", "oneDNN / MKL, time"), products()))
    print(as_markdown(("frames", "size", "forward", "training"), passes()))


if __name__ == "__main__":
    main()
