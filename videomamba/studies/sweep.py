"""Many runs, one after the other or side by side, each of them skipped, resumed or made."""

import os
import shutil
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from videomamba.engine import load_splits, train
from videomamba.engine.config import RunConfig
from videomamba.engine.run_folder import CONFIG, SPLITS
from videomamba.engine.trainer import TrainingInterrupted
from videomamba.errors import UserError
from videomamba.files import read_json, write_json
from videomamba.studies.cells import MINUTES, Cell, Outcome, outcome
from videomamba.tasks.catalogue import make_task

_INTERRUPTED = 130
_GO_ON = "all is kept; the same command goes on"


def sweep(cells: Sequence[Cell], *, jobs: int, console: Console, on_outcome: Callable[[Cell, Outcome], None]) -> None:
    """Makes the cells' runs, and goes on with those that were begun.

    Args:
        cells: runs that are not over.
        jobs: runs at a time; more than one run in processes of their own, which share the cores.
        console: a line for each run that begins and ends.
        on_outcome: called with each run that is over.

    Raises:
        UserError: a run cannot be made.
        KeyboardInterrupt: Ctrl-C, after every run at work has saved its state.
    """
    report = _Report(console, len(cells), jobs)
    if jobs > 1:
        _side_by_side(cells, jobs, report, on_outcome)
        return
    for cell in cells:
        began = report.begins(cell)
        try:
            make_run(cell.run, console if console.is_terminal else Console(quiet=True))
        except TrainingInterrupted as stop:
            raise KeyboardInterrupt(f"{stop}; {_GO_ON}") from stop
        finally:
            _add_minutes(cell.folder, began)
        on_outcome(cell, report.ends(cell, began))


def make_run(run: RunConfig, console: Console) -> None:
    """A run from its beginning, or from its newest checkpoint where it has one."""
    assert run.output is not None
    resume = (run.output / CONFIG).is_file()
    if not resume and run.output.is_dir() and {p.name for p in run.output.iterdir()} <= {SPLITS, MINUTES}:
        shutil.rmtree(run.output)  # killed before it began
    splits = load_splits(run.data, seed=run.seed)
    task = make_task(run.task, splits["train"].class_names, label_smoothing=run.optim.label_smoothing)
    train(run, task, splits, resume=resume, console=console)


@dataclass
class _Job:
    """A run in a process of its own, with the pipe that brings its error."""

    cell: Cell
    process: SpawnProcess
    errors: Any
    began: float


def _side_by_side(
    cells: Sequence[Cell], jobs: int, report: "_Report", on_outcome: Callable[[Cell, Outcome], None]
) -> None:
    waiting, running = list(cells), list[_Job]()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the runs save their state
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_start(waiting.pop(0), max(1, cores // jobs), report))
            connection.wait([job.process.sentinel for job in running])
            for job in [job for job in running if not job.process.is_alive()]:
                running.remove(job)
                on_outcome(job.cell, _ended(job, report))
    except BaseException as stop:
        for job in running:
            job.process.terminate()  # SIGTERM: each writes a checkpoint
        for job in running:
            job.process.join()
            _add_minutes(job.cell.folder, job.began)
        if isinstance(stop, KeyboardInterrupt):
            raise KeyboardInterrupt(f"stopped; {_GO_ON}") from stop
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _start(cell: Cell, threads: int, report: "_Report") -> _Job:
    context = get_context("spawn")  # threads of torch do not survive a fork
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(cell.run, threads, os.getpid(), send))
    began = report.begins(cell)
    process.start()
    send.close()
    return _Job(cell, process, receive, began)


def _ended(job: _Job, report: "_Report") -> Outcome:
    """
    Raises:
        UserError: the run failed, with its own line.
    """
    job.process.join()
    _add_minutes(job.cell.folder, job.began)
    if job.process.exitcode == _INTERRUPTED:
        raise KeyboardInterrupt
    if job.process.exitcode:
        line = job.errors.recv() if job.errors.poll() else f"its process ended with {job.process.exitcode}"
        raise UserError(f"{job.cell}: {line}")
    return report.ends(job.cell, job.began)


def _work(run: RunConfig, threads: int, parent: int, errors: Any) -> None:
    """The process of one run. Its parent alone hears Ctrl-C, and asks it to stop; so does the parent's death."""
    os.setsid()
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    torch.set_num_threads(threads)
    try:
        make_run(run, Console(quiet=True))
    except TrainingInterrupted:
        os._exit(_INTERRUPTED)
    except (ValueError, OSError) as error:
        errors.send(str(error))
        os._exit(2)
    except Exception:
        traceback.print_exc()
        os._exit(1)


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


class _Report:
    """A line where a run begins and one where it ends, with the time that is left."""

    def __init__(self, console: Console, total: int, jobs: int) -> None:
        self.console, self.total, self.jobs = console, total, jobs
        self.begun, self.over, self.began = 0, 0, time.monotonic()

    def begins(self, cell: Cell) -> float:
        self.begun += 1
        how = "resumes" if (cell.folder / CONFIG).is_file() else "begins"
        self.console.print(f"[{self.begun}/{self.total}] {cell} {how}", soft_wrap=True)
        return time.monotonic()

    def ends(self, cell: Cell, began: float) -> Outcome:
        self.over += 1
        now = time.monotonic()
        left = (now - self.began) / self.over * (self.total - self.over) / 60
        result = outcome(cell.folder)
        assert result is not None, cell
        self.console.print(
            f"{cell}: top-1 {100 * result.top1:.1f} % in {(now - began) / 60:.1f} min; "
            f"{self.over} of {self.total} done, about {left:.0f} min left",
            soft_wrap=True,
        )
        return result


def _add_minutes(folder: Path, began: float) -> None:
    """Writes down what a run has cost so far, in all its sessions."""
    if not folder.is_dir():
        return
    file = folder / MINUTES
    before = read_json(file) if file.is_file() else 0.0
    write_json(file, round(before + (time.monotonic() - began) / 60, 3))
