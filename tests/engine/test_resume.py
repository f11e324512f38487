"""A run that was stopped, at whatever moment and in whatever way, ends as one that was not."""

import csv
import dataclasses
import io
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import time

import pytest
import torch
from rich.console import Console

from tests.tiny import tiny_run, write_clips
from videomamba.engine import load_splits, train
from videomamba.engine.checkpoint import read_checkpoint
from videomamba.models import load_model
from videomamba.tasks.recognition import Recognition

NAMES = ("blue", "green", "red")


def everything_random(clips, output):
    """Two epochs of six batches, two of them a step, with all that has a state: drop path, mixing, averaging."""
    run = tiny_run(clips, output, batch_size=2, accumulate=2, mixup=0.5, cutmix=0.5, ema=0.9)
    return dataclasses.replace(run, model=dataclasses.replace(run.model, drop_path_rate=0.3), checkpoint_steps=1)


def start(run, resume=False, on_step=None):
    return train(
        run,
        Recognition(NAMES),
        load_splits(run.data, seed=run.seed),
        resume=resume,
        on_step=on_step,
        console=Console(file=io.StringIO()),
    )


def outcome(folder):
    """Weights that were saved, the whole last checkpoint, and the figures that do not depend on the clock."""
    state = read_checkpoint(folder / "checkpoints")
    with (folder / "metrics.csv").open() as file:
        rows = [
            {k: v for k, v in r.items() if k not in ("clips_per_second", "data_wait")} for r in csv.DictReader(file)
        ]
    weights = {name: load_model(folder / name).state_dict() for name in ("best", "last")}
    return {
        "saved": weights,
        "model": state["model"],
        "optimizer": state["optimizer"],
        "ema": state["ema"],
        "rows": rows,
    }


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def in_child(run, resume=False):
    """The run in a process of its own; forked, so that nothing is imported again."""
    child = multiprocessing.get_context("fork").Process(target=start, args=(run, resume))
    child.start()
    return child


@pytest.fixture(scope="module")
def unbroken(clips, tmp_path_factory):
    began = time.monotonic()
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    child = in_child(everything_random(clips, folder))
    child.join()
    assert child.exitcode == 0
    return outcome(folder), time.monotonic() - began


def killed_and_resumed(clips, folder, moment):
    run = everything_random(clips, folder)
    child = in_child(run)
    child.join(moment)
    if child.exitcode is None:
        os.kill(child.pid, signal.SIGKILL)
        child.join()
    begun = (folder / "config.json").is_file()
    again = in_child(run, resume=begun)  # before that there is nothing to resume
    again.join()
    assert again.exitcode == 0
    return outcome(folder), begun


def check_kills(clips, tmp_path, unbroken, moments):
    whole, _ = unbroken
    begun = 0
    for i, moment in enumerate(moments):
        ended, had_begun = killed_and_resumed(clips, tmp_path / str(i), moment)
        begun += had_begun
        assert same(ended, whole), f"killed after {moment:.2f} s"
    return begun


def test_killed_at_random_moments(clips, tmp_path, unbroken):
    seconds = unbroken[1]
    moments = [random.uniform(0.4, 0.95) * seconds for _ in range(2)]
    assert check_kills(clips, tmp_path, unbroken, moments)


@pytest.mark.slow
def test_killed_twenty_times_at_random_moments(clips, tmp_path, unbroken):
    seconds = unbroken[1]
    assert check_kills(clips, tmp_path, unbroken, [random.uniform(0.1, 1) * seconds for _ in range(20)]) >= 10


@pytest.mark.parametrize("step", [2, 3, 5])
def test_stopped_on_request_between_steps(clips, tmp_path, unbroken, step):
    """In the first epoch, at its end (during the test), and in the second; no checkpoint but the one on request."""
    run = dataclasses.replace(everything_random(clips, tmp_path / "run"), checkpoint_steps=100)

    def interrupted(trainer, loss):
        trainer.flag.requested = trainer.at.step == step

    with pytest.raises(KeyboardInterrupt, match="holds the whole state"):
        start(run, on_step=interrupted)
    assert load_model(run.output / "last").class_names == NAMES
    start(run, resume=True)
    assert same(outcome(run.output), unbroken[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal_that_loader_processes_get_too(clips, tmp_path, unbroken, number):
    run = dataclasses.replace(everything_random(clips, tmp_path / "run"), checkpoint_steps=100)
    run = dataclasses.replace(run, data=dataclasses.replace(run.data, workers=2))
    alive = []

    def signalled(trainer, loss):
        if trainer.at.step == 2 and not trainer.flag.requested:
            workers = multiprocessing.active_children()
            # from outside, as a terminal or a scheduler does: a worker heeds its parent's signal in another way
            pids = [str(pid) for pid in (*(worker.pid for worker in workers), os.getpid())]
            subprocess.run(["kill", f"-{int(number)}", *pids], check=True)
            time.sleep(0.5)
            alive.append([worker.is_alive() for worker in workers])

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt, match="holds the whole state"):
            start(run, on_step=signalled)
    finally:
        signal.signal(signal.SIGINT, before)
    assert alive == [[True, True]]
    start(run, resume=True)
    assert same(outcome(run.output), unbroken[0])


def test_other_videos_than_those_it_began_with_are_refused(tmp_path):
    root = write_clips(tmp_path / "clips")
    run = everything_random(root, tmp_path / "run")
    start(run)
    split = (run.output / "splits.csv").read_text()
    moved = root / "red" / "red_0.mp4"
    shutil.copy(moved, moved.with_name("red_9.mp4"))
    with pytest.raises(
        ValueError, match=r"was begun with other videos: \d+ rows of its splits.csv are gone .*, \d+ are new"
    ):
        start(run, resume=True)
    assert (run.output / "splits.csv").read_text() == split
    moved.with_name("red_9.mp4").unlink()
    start(run, resume=True)


def test_old_checkpoints_go_and_the_newest_stay(clips, tmp_path):
    run = everything_random(clips, tmp_path / "run")
    start(run)
    names = sorted(path.name for path in (run.output / "checkpoints").iterdir())
    assert names == ["step-5", "step-6"]


def test_what_a_killed_process_half_wrote_is_passed_over(clips, tmp_path, unbroken):
    run = everything_random(clips, tmp_path / "run")
    start(run)
    newest = run.output / "checkpoints" / "step-6"
    half = newest.rename(newest.with_name(".half"))
    (half / "state.pt").write_bytes(b"PK")
    (newest.with_name("step-5") / ".half.pt").write_bytes(b"PK")
    start(run, resume=True)
    assert same(outcome(run.output), unbroken[0])
    assert not list((run.output / "checkpoints").rglob(".*"))


def test_a_broken_checkpoint_says_what_to_do(clips, tmp_path):
    run = everything_random(clips, tmp_path / "run")
    start(run)
    (run.output / "checkpoints" / "step-6" / "state.pt").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"step-6/state\.pt cannot be read .*; remove .*step-6 to resume earlier"):
        start(run, resume=True)


def test_a_full_disk_leaves_the_last_checkpoint(clips, tmp_path, monkeypatch):
    run = everything_random(clips, tmp_path / "run")
    save, saved = torch.save, []

    def full(state, file):
        if len(saved) == 3:
            file.write_bytes(b"half")
            raise OSError(28, "No space left on device", str(file))
        saved.append(save(state, file))

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left on device"):
        start(run)
    monkeypatch.undo()
    assert sorted(p.name for p in (run.output / "checkpoints").iterdir()) == ["step-2", "step-3"]
    start(run, resume=True)


def test_a_finished_run_stays_as_it_is(clips, tmp_path):
    run = everything_random(clips, tmp_path / "run")
    first = start(run)
    before = outcome(run.output)
    again = start(run, resume=True)
    assert (again.best, again.last) == (first.best, first.last)
    assert same(outcome(run.output), before)
