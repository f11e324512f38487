"""Several processes that each run forward passes on their share of the cores, beside one that has all."""

import multiprocessing
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import torch

from videomamba.models import create_model

_PATIENCE = 300.0  # seconds for the others to be warm: one that failed never is


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
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(processes, mp_context=context) as pool:
        all_warm = manager.Barrier(processes)
        job = partial(_clips_per_second, model, frames, size, batch, threads, seconds)
        found = [task.result() for task in [pool.submit(job, all_warm) for _ in range(processes)]]
    return Together(model, frames, size, batch, processes, threads, sum(found))


def _clips_per_second(
    name: str, frames: int, size: int, batch: int, threads: int, seconds: float, all_warm: threading.Barrier
) -> float:
    torch.set_num_threads(threads)
    model = create_model(name, num_frames=frames, img_size=size).eval()
    video = torch.randn(batch, 3, frames, size, size)
    with torch.inference_mode():
        for _ in range(2):
            model(video)
        all_warm.wait(_PATIENCE)
        passes, began = 0, time.perf_counter()
        while passes < 3 or time.perf_counter() - began < seconds:
            model(video)
            passes += 1
        return passes * batch / (time.perf_counter() - began)
