"""Where a forward pass of ``videomamba_small`` spends its time and memory: 16 frames of 224 x 224, float32, inference.

    make benchmark

Time: of matrix products (with the tubelet embedding, a convolution that is one) and of everything else, from PyTorch's
profiler. Memory: the process's private memory at its highest, beside the weights and PyTorch's live tensors of a block.
Page faults: of a forward pass once the model is warm.
"""

import resource
import statistics
import threading
import time
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from videomamba import create_model
from videomamba.machine import machine_line

MATRIX_PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::mkldnn_convolution", "mkldnn::_linear_pointwise")
MIB = 2**20


def private_mib() -> float:
    """Memory of this process that is not files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


class Highest:
    """The highest ``private_mib`` while the block runs."""

    def __enter__(self) -> "Highest":
        self.mib, self._stop = private_mib(), threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._stop.wait(0.001):
            self.mib = max(self.mib, private_mib())

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()


@torch.inference_mode()
def main() -> None:
    torch.ones(64, 64) @ torch.ones(64, 64)  # the libraries' own memory, before anything is counted
    before = private_mib()
    model = create_model("videomamba_small").eval()
    weights = sum(p.numel() * p.element_size() for p in model.parameters()) / MIB
    video = torch.randn(1, 3, 16, 224, 224)
    with Highest() as highest:
        model(video)
        model(video)
    used = highest.mib - before - video.nbytes / MIB

    faults, seconds = [], []
    for _ in range(9):
        count, began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
        model(video)
        seconds.append(time.perf_counter() - began)
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - count)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        for _ in range(5):
            model(video)
    times = {e.key: e.self_cpu_time_total / 5e3 for e in profiled.key_averages()}
    products = sum(times.get(name, 0.0) for name in MATRIX_PRODUCTS)
    live = most = 0
    for event in sorted(profiled.profiler.kineto_results.events(), key=lambda e: e.start_ns()):
        if event.name() == "[memory]":
            live += event.nbytes()
            most = max(most, live)
    allowed = weights + most / MIB

    print(machine_line("cpu"))
    print(f"median {1e3 * statistics.median(seconds):.0f} ms per clip, {statistics.median(faults):.0f} page faults")
    print(f"matrix products {products:.0f} ms, everything else {sum(times.values()) - products:.0f} ms; of it")
    for name in ("videomamba::scan_forward", "videomamba::conv_forward"):
        print(f"  {name} {times[name]:.0f} ms")
    print(
        f"memory: weights {weights:.0f} MiB + live tensors {most / MIB:.0f} MiB = {allowed:.0f} MiB; "
        f"the process took {used:.0f} MiB, {used / allowed:.2f} times that"
    )


if __name__ == "__main__":
    main()
