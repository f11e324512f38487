"""Runs of a grid, one after the other or side by side, each of them made or resumed."""

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.context import SpawnProcess
from typing import Any

import torch
from rich.console import Console

from videomamba.engine import RunConfig, TrainingInterrupted
from videomamba.engine.trainer import OnStep
from videomamba.errors import UserError
from videomamba.experiments.grid import Cell, Grid
from videomamba.experiments.single_run import run
from videomamba.locks import InUseError
from videomamba.machine import cores
from videomamba.tasks.catalogue import TASKS

_INTERRUPTED, _IN_USE = 130, 75  # of processes: as a shell has it, and EX_TEMPFAIL


def sweep(
    grid: Grid,
    cells: Sequence[Cell],
    *,
    console: Console,
    jobs: int = 1,
    quiet: bool = True,
    on_end: Callable[[Cell], None] = lambda cell: None,
    on_step: OnStep | None = None,
) -> None:
    """Makes the runs of some cells, and goes on with those that were begun; leaves out what another process makes.

    Args:
        grid: the cells' grid.
        cells: runs that are not over.
        console: a line for each run that begins and ends.
        jobs: runs at a time; more than one run in processes of their own, which share the cores.
        quiet: runs show nothing but a progress bar.
        on_end: called with the cell of each finished run.
        on_step: see :func:`videomamba.engine.train`; for one run at a time.

    Raises:
        UserError: a run cannot be made.
        KeyboardInterrupt: Ctrl-C, after every unfinished run has saved its state.
    """
    report = _Report(console, len(cells))
    if jobs > 1:
        _side_by_side(cells, jobs, report, on_end)
        return
    inner = Console(quiet=True) if quiet and not console.is_terminal else console
    for cell in cells:
        began = report.begins(cell)
        known: dict[str, Any] = {"start": grid.start(cell), "splits": grid.splits(cell)}
        try:
            run(cell.run, console=inner, resume=cell.folder.begun, **known, on_step=on_step)
        except InUseError as error:
            report.leaves(cell, error)
            continue
        report.ends(cell, began)
        on_end(cell)


@dataclass
class _Job:
    """A run in a process of its own, with the pipe that brings its error."""

    cell: Cell
    process: SpawnProcess
    errors: Any
    began: float


def _side_by_side(cells: Sequence[Cell], jobs: int, report: "_Report", on_end: Callable[[Cell], None]) -> None:
    waiting, running = list(cells), list[_Job]()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the runs save their state
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_start(waiting.pop(0), max(1, cores() // jobs), report))
            connection.wait([job.process.sentinel for job in running])
            for job in [job for job in running if not job.process.is_alive()]:
                running.remove(job)
                try:
                    _end(job)
                except InUseError as error:
                    report.leaves(job.cell, error)
                    continue
                report.ends(job.cell, job.began)
                on_end(job.cell)
    except BaseException:
        for job in running:
            job.process.terminate()  # SIGTERM: each writes a checkpoint
        for job in running:
            job.process.join()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _start(cell: Cell, threads: int, report: "_Report") -> _Job:
    context = get_context("spawn")  # threads of torch do not survive a fork
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(cell.run, cell.folder.begun, threads, os.getpid(), send))
    began = report.begins(cell)
    process.start()
    send.close()
    return _Job(cell, process, receive, began)


def _end(job: _Job) -> None:
    """
    Raises:
        InUseError: another process works in its folder.
        UserError: the run failed, with its own line.
    """
    job.process.join()
    if job.process.exitcode == _INTERRUPTED:
        raise KeyboardInterrupt("stopped")
    if job.process.exitcode:
        line = job.errors.recv() if job.errors.poll() else f"its process ended with {job.process.exitcode}"
        if job.process.exitcode == _IN_USE:
            raise InUseError(line)
        raise UserError(f"{job.cell}: {line}")


def _work(config: RunConfig, resume: bool, threads: int, parent: int, errors: Any) -> None:
    """The process of one run. Its parent alone hears Ctrl-C, and asks it to stop; so does the parent's death."""
    os.setsid()
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    torch.set_num_threads(threads)
    try:
        run(config, console=Console(quiet=True), resume=resume)
    except TrainingInterrupted:
        os._exit(_INTERRUPTED)
    except (UserError, OSError) as error:
        errors.send(str(error))
        os._exit(_IN_USE if isinstance(error, InUseError) else 2)
    except Exception:
        traceback.print_exc()
        os._exit(1)


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


class _Report:
    """A line where a run begins and one where it ends, with the time that is left."""

    def __init__(self, console: Console, total: int) -> None:
        self.console, self.total = console, total
        self.begun, self.over, self.began = 0, 0, time.monotonic()

    def begins(self, cell: Cell) -> float:
        self.begun += 1
        how = "resumes" if cell.folder.begun else "begins"
        self.console.print(f"[{self.begun}/{self.total}] {cell} {how}", soft_wrap=True)
        return time.monotonic()

    def leaves(self, cell: Cell, error: InUseError) -> None:
        self.begun, self.total = self.begun - 1, self.total - 1
        self.console.print(f"note: {cell} is not made here: {error}", soft_wrap=True)

    def ends(self, cell: Cell, began: float) -> None:
        self.over += 1
        now = time.monotonic()
        left = (now - self.began) / self.over * (self.total - self.over) / 60
        task = TASKS[cell.run.task]
        figure = cell.folder.tested()[task.headline] * (1 if task.in_percent else 100)
        self.console.print(
            f"{cell}: {task.headline} {figure:.1f} % in {(now - began) / 60:.1f} min; "
            f"{self.over} of {self.total} done, about {left:.0f} min left",
            soft_wrap=True,
        )
