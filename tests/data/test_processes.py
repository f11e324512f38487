"""Pools whose processes end with the one that started them: told, killed, or at an error, also while they work."""

import os
import signal
import time

import psutil
import pytest

from tests.engine.forks import SECONDS
from videomamba.data.processes import ended_by_sigterm

SCRIPT = """
import os, sys, time, multiprocessing
from pathlib import Path
from videomamba.data import check, processes

def busy(name):
    Path(name).touch()
    time.sleep(1000)

if __name__ == "__main__":
    how, folder = sys.argv[1:]
    with processes.ended_by_sigterm(), processes.process_pool(2, multiprocessing.get_context("fork")) as pool:
        futures = [pool.submit(busy, f"{folder}/{i}") for i in range(6)]
        while len(os.listdir(folder)) < 2:
            time.sleep(0.01)
        Path(f"{folder}/busy").touch()
        if how == "error":
            time.sleep(1)
            raise RuntimeError("of ours")
        if how == "return":
            time.sleep(1)
            sys.exit(0)
        futures[0].result()
"""


def started(forks, folder, how):
    """A process with two busy workers, and these."""
    (folder / "script.py").write_text(SCRIPT)
    (folder / "seen").mkdir()
    process = forks.start_script(folder / "script.py", how, folder / "seen")
    limit = time.monotonic() + SECONDS
    while not (folder / "seen" / "busy").exists():
        assert process.is_alive(), process.end().err
        assert time.monotonic() < limit
        time.sleep(0.01)
    return process, psutil.Process(process.pid).children()


def ended(process, workers):
    """Exit status and what was said; all must be gone soon."""
    assert len(workers) == 2
    end = process.end()
    _, alive = psutil.wait_procs(workers, timeout=10)
    for worker in alive:
        worker.kill()
    assert alive == []
    return end.status, end.err


@pytest.mark.parametrize(
    ("how", "number", "status"),
    [
        ("wait", signal.SIGTERM, 143),
        ("wait", signal.SIGINT, -signal.SIGINT),
        ("wait", signal.SIGKILL, -signal.SIGKILL),
        ("error", None, 1),
        ("return", None, 0),
    ],
)
def test_no_orphans_and_no_hang(forks, tmp_path, how, number, status):
    process, workers = started(forks, tmp_path, how)
    if number is not None:
        os.kill(process.pid, number)
    assert ended(process, workers)[0] == status


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_signal_to_the_group(forks, tmp_path, number, status):
    process, workers = started(forks, tmp_path, "wait")
    os.killpg(process.pid, number)
    assert ended(process, workers)[0] in (status, 1)  # a worker that died first is a broken pool


def test_a_killed_worker_is_an_error(forks, tmp_path):
    process, workers = started(forks, tmp_path, "wait")
    workers[0].kill()
    status, err = ended(process, workers)
    assert status == 1
    assert "BrokenProcessPool" in err


def test_sigterm_is_left_to_who_handles_it():
    before = signal.getsignal(signal.SIGTERM)
    mine = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        handler = signal.getsignal(signal.SIGTERM)
        with ended_by_sigterm():
            assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, mine)
    with pytest.raises(SystemExit), ended_by_sigterm():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before
