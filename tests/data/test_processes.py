"""Pools whose processes end with the one that started them: told, killed, or at an error, also while they work."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

SECONDS = 60
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
        print(*pool._processes, flush=True)
        if how == "error":
            raise RuntimeError("of ours")
        if how == "return":
            sys.exit(0)
        futures[0].result()
"""


def started(folder, how):
    """A process with two busy workers, and these."""
    (folder / "script.py").write_text(SCRIPT)
    (folder / "seen").mkdir()
    process = subprocess.Popen(
        [sys.executable, str(folder / "script.py"), how, str(folder / "seen")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    return process, [psutil.Process(int(pid)) for pid in line.split()]


def ended(process, workers):
    """Exit status and what was said; all must be gone soon."""
    try:
        _, err = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    _, alive = psutil.wait_procs(workers, timeout=10)
    for worker in alive:
        worker.kill()
    assert alive == []
    return process.returncode, err


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
def test_no_orphans_and_no_hang(tmp_path, how, number, status):
    process, workers = started(tmp_path, how)
    if number is not None:
        process.send_signal(number)
    assert ended(process, workers)[0] == status


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_signal_to_the_group(tmp_path, number, status):
    process, workers = started(tmp_path, "wait")
    os.killpg(process.pid, number)
    assert ended(process, workers)[0] in (status, 1)  # a worker that died first is a broken pool


def test_a_killed_worker_is_an_error(tmp_path):
    process, workers = started(tmp_path, "wait")
    workers[0].kill()
    status, err = ended(process, workers)
    assert status == 1
    assert "BrokenProcessPool" in err


def test_sigterm_is_left_to_who_handles_it():
    from videomamba.data.processes import ended_by_sigterm

    before = signal.getsignal(signal.SIGTERM)
    mine = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        handler = signal.getsignal(signal.SIGTERM)
        with ended_by_sigterm():
            assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, mine)
    with pytest.raises(SystemExit), ended_by_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
    assert signal.getsignal(signal.SIGTERM) == before
