"""Several processes that each run forward passes on their share of the cores, beside one that has all."""

import time
from dataclasses import dataclass
from queue import Empty
from typing import Any

import torch
from torch.multiprocessing.spawn import spawn

from videomamba.models import create_model


@dataclass(frozen=True)
class Together:
    """Processes at work at the same time, on a CPU, in float32.

    Attributes:
        model: its name.
        frames, size: of a clip; height and width are the same.
        batch: clips of a forward pass.
        processes: at work.
        threads: of each.
        clips_per_second: of all together.
    """

    model: str
    frames: int
    size: int
    batch: int
    processes: int
    threads: int
    clips_per_second: float


def forward_passes(model: str, frames: int, size: int, batch: int, *, processes: int, seconds: float) -> Together:
    """Random weights and clips; every process starts its passes when all are warm."""
    threads = max(1, torch.get_num_threads() // processes)
    context = torch.multiprocessing.get_context("spawn")
    barrier, speeds = context.Barrier(processes), context.Queue()
    spawn(_work, (model, frames, size, batch, threads, seconds, barrier, speeds), nprocs=processes)
    found = []
    while len(found) < processes:
        try:
            found.append(speeds.get(timeout=10))
        except Empty:
            raise RuntimeError(f"{processes - len(found)} processes gave no figure") from None
    return Together(model, frames, size, batch, processes, threads, sum(found))


@torch.inference_mode()
def _work(
    index: int, name: str, frames: int, size: int, batch: int, threads: int, seconds: float, barrier: Any, speeds: Any
) -> None:
    torch.set_num_threads(threads)
    model = create_model(name, num_frames=frames, img_size=size).eval()
    video = torch.randn(batch, 3, frames, size, size)
    for _ in range(2):
        model(video)
    barrier.wait()
    passes, began = 0, time.perf_counter()
    while passes < 3 or time.perf_counter() - began < seconds:
        model(video)
        passes += 1
    speeds.put(passes * batch / (time.perf_counter() - began))
