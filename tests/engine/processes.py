"""What each process of test_processes.py runs: with DDP, sharded, and on files that are broken."""

import dataclasses
import io
import json
import shutil
import sys
from pathlib import Path

import torch
from rich.console import Console
from torch.distributed.tensor import DTensor

from tests.tiny import tiny_run
from videomamba.data import Annotations
from videomamba.engine import load_splits, train
from videomamba.tasks.recognition import Recognition

NAMES = ("blue", "green", "red")


def losses_of(run, *, resume=False):
    """Trains; the loss of every step, over all processes, the run's result, and the share of parameters held here."""
    splits = load_splits(run.data, seed=run.seed)
    records = splits.test.records
    test = Annotations(records + splits.train.records[:4], NAMES)  # 7: no process's batches come out even
    losses, held = [], []

    def watched(trainer, loss):
        losses.append(loss)
        parameters = list(trainer.learner.bare.parameters())
        local = [p.to_local() if isinstance(p, DTensor) else p for p in parameters]
        held.append(sum(p.numel() for p in local) / sum(p.numel() for p in parameters))

    splits, console = dataclasses.replace(splits, test=test), Console(file=io.StringIO())
    result = train(run, Recognition(NAMES), splits, resume=resume, console=console, on_step=watched)
    return {"losses": losses, "last": result.last, "held": held, "views": result.views}


def configured(clips: Path, output: Path, *, processes: int, fsdp: bool = False, epochs: int = 7):
    """21 steps of four clips in all; views are joined in a last test."""
    run = tiny_run(clips, output, epochs=epochs, batch_size=4 // processes, fsdp=fsdp)
    return dataclasses.replace(run, test_clips=2, checkpoint_steps=5)


def with_broken_files(clips: Path, folder: Path):
    """A data set of two parts, one file in each of which is broken."""
    for part, number in (("train", 1), ("test", 0)):
        shutil.copytree(clips, folder / part)
        (folder / part / "red" / f"red_{number}.mp4").write_bytes(b"\0" * 1000)
    return folder


def skipping(data: Path, output: Path, *, processes: int):
    """What a run on broken files counts and lists."""
    run = tiny_run(data, output, epochs=2, batch_size=4 // processes)
    run = dataclasses.replace(run, data=dataclasses.replace(run.data, skip_broken=2), test_clips=2)
    result = train(run, Recognition(NAMES), load_splits(run.data, seed=0), console=Console(file=io.StringIO()))
    return {"last": result.last, "views": result.views}


if __name__ == "__main__":
    torch.set_num_threads(1)
    clips, folder = Path(sys.argv[1]), Path(sys.argv[2])
    found = {}
    for kind in ("ddp", "fsdp"):
        run = configured(clips, folder / kind, processes=2, fsdp=kind == "fsdp")
        found[kind] = losses_of(run)
        found[f"{kind} resumed"] = losses_of(run, resume=True)  # whole already: nothing is left to do
    found["skipping"] = skipping(folder / "broken", folder / "skipping", processes=2)
    rank = torch.distributed.get_rank()
    (folder / f"{rank}.json").write_text(json.dumps(found))
    torch.distributed.destroy_process_group()
