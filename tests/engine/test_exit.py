"""Processes with loader workers end, whatever happens: each case runs in a process of its own, with a time limit.

The processes are forked from one that has imported everything (forks.py): importing PyTorch takes most of a short run.
"""

import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.engine.forks import SECONDS
from tests.tiny import OPTIONS, write_clips

LOADER = """
import os, sys, time, torch
from videomamba.data import make_loader

class Items(torch.utils.data.Dataset):
    epoch = 0
    def __len__(self): return 8
    def __getitem__(self, i): return {"x": torch.zeros(3), "pid": os.getpid()}

if __name__ == "__main__":
    loader = make_loader(Items(), batch_size=2, shuffle=True, num_workers=int(sys.argv[1]))
    pids = {int(pid) for batch in loader for pid in batch["pid"]}
"""
OWN_MODEL = """
import dataclasses, sys
from pathlib import Path

if __name__ == "__main__":
    from tests.engine.runs import own, start
    from tests.engine.test_own_models import Mean
    from tests.tiny import tiny_run

    run = tiny_run(Path(sys.argv[1]), Path(sys.argv[2]))
    start(dataclasses.replace(run, data=dataclasses.replace(run.data, workers=int(sys.argv[3]))), model=own(Mean()))
"""
ENDINGS = {
    "none": ("", 0),
    "an iterator that is not used up": ("stream = iter(loader); next(stream)", 0),
    "an exception": ("raise RuntimeError('of the user')", 1),
    "sys.exit": ("sys.exit(5)", 5),
    "a killed worker": (
        "from videomamba.data.loader import loader_failures\n"
        "    with loader_failures():\n"
        "        os.kill(next(iter(pids)), 9)\n"
        "        while True: next(iter(loader))",
        1,
    ),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips") / "colours")


@pytest.fixture(scope="module")
def model(forks, clips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert forks.run("train", clips, "--workers", 0, "--output", folder, *OPTIONS).status == 0
    return folder


slow = pytest.mark.slow  # the whole grid; what is not marked has each ending once


@pytest.fixture(params=[pytest.param(0, marks=slow), pytest.param(1, marks=slow), 2])
def workers(request):
    return request.param


def at_work(forks, clips, folder, workers):
    """A training of many epochs, after its first one, and its loader processes."""
    many = ["--epochs", 10_000, "--workers", workers, "--output", folder]
    process = forks.start("train", clips, *OPTIONS, *many)
    limit = time.monotonic() + SECONDS
    while not (folder / "metrics.csv").exists() or len((folder / "metrics.csv").read_text().splitlines()) < 2:
        assert process.is_alive(), process.end().err
        assert time.monotonic() < limit, "no epoch ends"
        time.sleep(0.05)
    loaders = psutil.Process(process.pid).children()
    assert len(loaders) == 2 * workers  # of the training and of the test part
    return process, loaders


def assert_one_line(end):
    assert end.status == 2, end.err
    assert "Traceback" not in end.err
    assert end.err.splitlines()[-1].startswith("error: "), end.err
    return end.err.splitlines()[-1]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_script_ends_with_its_loader_alive(forks, tmp_path, workers, ending):
    if ending == "a killed worker" and not workers:
        pytest.skip("there is no worker to kill")
    last, status = ENDINGS[ending]
    script = tmp_path / "script.py"
    script.write_text(LOADER + f"    {last}\n")
    end = forks.start_script(script, workers).end()
    assert end.status == status, end.err
    if ending == "a killed worker":
        assert "LoaderError: a loader process " in end.err


@pytest.mark.parametrize("part", ["train", "test"])
def test_training_ends_at_a_broken_video(forks, clips, tmp_path, workers, part):
    root = tmp_path / "clips"
    for folder in ("train", "test"):
        shutil.copytree(clips, root / folder)
    broken = next((root / part / "red").iterdir())
    broken.write_bytes(b"\0" * 1000)
    line = assert_one_line(forks.run("train", root, "--output", tmp_path / "run", *OPTIONS, "--workers", workers))
    assert str(broken) in line


def test_evaluation_ends_at_a_broken_video(forks, model, clips, tmp_path, workers):
    root = tmp_path / "clips"
    shutil.copytree(clips, root)
    broken = next((root / "red").iterdir())
    broken.write_bytes(b"\0" * 1000)
    assert str(broken) in assert_one_line(forks.run("evaluate", model, root, "--workers", workers))


def test_training_and_evaluation_end(forks, clips, tmp_path, workers):
    for words in (
        ("train", clips, "--output", tmp_path / "run", *OPTIONS),
        ("evaluate", tmp_path / "run", clips),
    ):
        end = forks.run(*words, "--workers", workers)
        assert end.status == 0, end.err
    end = forks.run("evaluate", tmp_path / "run", clips)  # as many as there are by default
    assert end.status == 0, end.err


def test_a_script_that_trains_its_own_module_ends(forks, clips, tmp_path, workers):
    script = tmp_path / "script.py"
    script.write_text(OWN_MODEL)
    end = forks.start_script(script, clips, tmp_path / "run", workers).end()
    assert end.status == 0, end.err
    assert (tmp_path / "run" / "result.json").exists()


def test_a_study_ends(forks, clips, tmp_path, workers):
    """Its runs, and the tests of their weights on shuffled frames, each have loaders of their own."""
    words = ("ablate", "shuffle", "--data", clips, "--output", tmp_path / "study", *OPTIONS)
    end = forks.run(*words, "--workers", workers)
    assert end.status == 0, end.err
    assert (tmp_path / "study" / "table.md").exists()


@pytest.mark.parametrize(
    ("workers", "which"),
    [
        pytest.param(1, 0, id="training-1", marks=slow),
        pytest.param(2, 0, id="training-2"),
        pytest.param(1, -1, id="test-1"),
        pytest.param(2, -1, id="test-2", marks=slow),
    ],
    indirect=["workers"],
)
def test_training_ends_when_a_loader_process_is_killed(forks, clips, tmp_path, workers, which):
    process, loaders = at_work(forks, clips, tmp_path / "run", workers)
    loaders[which].kill()
    line = assert_one_line(process.end())
    assert "killed by signal: Killed" in line or "ended unexpectedly" in line
    assert "--workers 0" in line
    assert not any(loader.is_running() for loader in loaders)


@pytest.mark.parametrize(
    ("number", "group"),
    [
        pytest.param(signal.SIGINT, False, id="process-2", marks=slow),
        pytest.param(signal.SIGINT, True, id="group-2"),  # Ctrl-C in a terminal
        pytest.param(signal.SIGTERM, False, id="process-15"),  # kill
        pytest.param(signal.SIGTERM, True, id="group-15", marks=slow),
    ],
)
def test_training_ends_when_it_is_told(forks, clips, tmp_path, workers, number, group):
    process, loaders = at_work(forks, clips, tmp_path / "run", workers)
    (os.killpg if group else os.kill)(process.pid, number)
    end = process.end()
    assert end.status == 130, end.err
    assert "--resume" in end.err.splitlines()[-1]
    assert not any(loader.is_running() for loader in loaders)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2], indirect=True)
def test_full_shared_memory_is_one_line(forks, clips, tmp_path, workers):
    unshare = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let a test mount a small /dev/shm")
    large = ["--size", 224, "--frames", 16, "--workers", workers, "--output", tmp_path / "run"]
    command = [*unshare, sys.executable, "-m", "videomamba.cli.main", "train", clips, *OPTIONS, *large]
    end = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=SECONDS)
    assert end.returncode == 2, end.stderr
    line = end.stderr.splitlines()[-1]
    assert line.startswith("error: shared memory (/dev/shm"), end.stderr
    assert "--shm-size" in line
    assert "--workers 0" in line
