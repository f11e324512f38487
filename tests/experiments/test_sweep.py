"""Runs of a grid in turn: each begins or resumes, and a line says what it reached and how long the rest takes."""

import dataclasses
import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from tests.tiny import tiny_run
from videomamba.data import VideoReader
from videomamba.errors import UserError
from videomamba.experiments import sweep as module
from videomamba.experiments.grid import Cell, Grid
from videomamba.experiments.sweep import sweep
from videomamba.locks import InUseError, is_empty, locked


@pytest.fixture
def cells(clips, trained, tmp_path):
    """One that is in a folder already, and one that is not."""
    run = tiny_run(clips, trained.folder, epochs=1)
    return [Cell(run, 0), Cell(dataclasses.replace(run, output=tmp_path / "new"), 1)]


def test_runs_are_made_in_turn_and_said(cells, trained, monkeypatch):
    made, over, clock = [], [], SimpleNamespace(now=0.0)

    def run(config, *, console, resume, start, splits, on_step):
        made.append((config.output, resume))
        clock.now += 120
        if config.output != trained.folder:
            config.output.symlink_to(trained.folder)

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    said = io.StringIO()
    sweep(Grid(cells), cells, console=Console(file=said, width=500), on_end=over.append)
    assert made == [(trained.folder, True), (cells[1].run.output, False)]
    assert over == cells
    lines = said.getvalue().splitlines()
    assert lines[0] == f"[1/2] {cells[0]} resumes"
    assert lines[2] == f"[2/2] {cells[1]} begins"
    reached = f"top1 {100 * trained.last['top1']:.1f} % in 2.0 min"
    assert lines[1] == f"{cells[0]}: {reached}; 1 of 2 done, about 2 min left"
    assert lines[3] == f"{cells[1]}: {reached}; 2 of 2 done, about 0 min left"


def test_a_run_of_its_own_process_that_fails_says_which_it_was(cells):
    failed = SimpleNamespace(exitcode=2, join=lambda: None)
    errors = SimpleNamespace(poll=lambda: True, recv=lambda: "no videos")
    with pytest.raises(UserError, match="no videos") as error:
        module._end(module._Job(cells[1], failed, errors, 0.0))
    assert str(error.value) == f"{cells[1]}: no videos"
    killed = SimpleNamespace(exitcode=-9, join=lambda: None)
    with pytest.raises(UserError, match="its process ended with -9"):
        module._end(module._Job(cells[1], killed, SimpleNamespace(poll=lambda: False), 0.0))
    in_use = SimpleNamespace(exitcode=75, join=lambda: None)
    with pytest.raises(InUseError, match="no videos"):
        module._end(module._Job(cells[1], in_use, errors, 0.0))
    stopped = SimpleNamespace(exitcode=130, join=lambda: None)
    with pytest.raises(KeyboardInterrupt):
        module._end(module._Job(cells[1], stopped, errors, 0.0))


def test_a_run_that_another_process_makes_is_left_to_it(clips, tmp_path):
    config, over, said = tiny_run(clips, None, epochs=1), [], io.StringIO()
    cells = [Cell(dataclasses.replace(config, output=tmp_path / name), 0, variant=name) for name in "ab"]
    with locked(tmp_path / "a"):
        sweep(Grid(cells), cells, console=Console(file=said, width=500), on_end=over.append)
        assert is_empty(tmp_path / "a")
    assert over == cells[1:]
    lines = said.getvalue().splitlines()
    left = "a, seed 0 is not made here:"
    assert [line for line in lines if line.startswith(f"note: {left} {tmp_path / 'a'} is being written by another")]
    assert lines[-1].endswith("1 of 1 done, about 0 min left")


def test_runs_in_one_process_share_what_they_decode(clips, tmp_path, monkeypatch):
    from videomamba.data.datasets import video

    read = []
    monkeypatch.setattr(video, "VideoReader", lambda path, **options: read.append(path) or VideoReader(path, **options))
    run = tiny_run(clips, None, epochs=1)
    run = dataclasses.replace(run, data=dataclasses.replace(run.data, in_memory=True))
    cells = [Cell(dataclasses.replace(run, output=tmp_path / str(i)), 0, variant=str(i)) for i in range(2)]
    sweep(Grid(cells), cells, console=Console(quiet=True))
    assert len(read) == len(set(read)) == 12
