"""Processes of the command line and of scripts that are forked where everything is imported, and end as others do.

Run as a program it forks: for each line of JSON on its standard input it starts a process and writes its number, or
waits for one and writes its exit status.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import psutil
import pytest

SECONDS = 120  # a process that hangs never ends; a machine that is busy is slow


@dataclass(frozen=True)
class End:
    """Exit status (minus a signal's number) and what was printed."""

    status: int
    out: str
    err: str


class Forks:
    """Starts processes; each must end within :data:`SECONDS`."""

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory()
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},  # scripts may import tests
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._count = 0
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()
        self._folder.cleanup()

    def start(self, *words: object) -> "Fork":
        """``videomamba WORDS``, in a process group of its own."""
        return self._fork(["", *map(str, words)])

    def start_script(self, script: Path, *words: object, environment: dict[str, str] | None = None) -> "Fork":
        return self._fork([str(script), *map(str, words)], environment)

    def run(self, *words: object) -> End:
        return self.start(*words).end()

    def ask(self, job: dict[str, Any]) -> int | None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())

    def _fork(self, argv: list[str], environment: dict[str, str] | None = None) -> "Fork":
        self._count += 1
        out, err = (Path(self._folder.name) / f"{self._count}.{stream}" for stream in ("out", "err"))
        pid = self.ask({"argv": argv, "out": str(out), "err": str(err), "environment": environment or {}})
        assert pid is not None
        return Fork(self, pid, out, err)


@dataclass(frozen=True)
class Fork:
    forks: Forks
    pid: int
    out: Path
    err: Path

    def is_alive(self) -> bool:
        return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE

    def end(self) -> End:
        """Waits; fails the test where the limit passes, and kills what is left."""
        status = self.forks.ask({"wait": self.pid, "seconds": SECONDS})
        if status is None:
            for process in [*psutil.Process(self.pid).children(recursive=True), psutil.Process(self.pid)]:
                process.kill()
            self.forks.ask({"wait": self.pid, "seconds": SECONDS})
            pytest.fail(f"hangs after: {self.err.read_text()[-1500:]}")
        return End(status, self.out.read_text(), self.err.read_text())


def _serve() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
    # what the commands import, before the first fork
    import torch.utils.tensorboard  # noqa: F401

    import videomamba.cli.evaluate
    import videomamba.cli.train
    import videomamba.tasks.catalogue  # noqa: F401
    from videomamba.data.decode_torchcodec import torchcodec_status

    torchcodec_status()

    for line in sys.stdin:
        job = json.loads(line)
        if "wait" in job:
            print(json.dumps(_status(job["wait"], job["seconds"])), flush=True)
        elif pid := os.fork():
            print(pid, flush=True)
        else:
            _become(job)
            return


def _status(pid: int, seconds: float) -> int | None:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    return None


def _become(job: dict[str, Any]) -> None:
    """Goes on as the process that is asked for, until the interpreter ends."""
    import runpy

    import videomamba.cli.main

    os.setsid()
    os.environ.update(job["environment"])
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    for stream, file in ((1, job["out"]), (2, job["err"])):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), stream)
    script, *words = job["argv"]
    sys.argv = [script or "videomamba", *words]
    if script:
        runpy.run_path(script, run_name="__main__")
    else:
        sys.exit(videomamba.cli.main.main(words))


if __name__ == "__main__":
    _serve()
