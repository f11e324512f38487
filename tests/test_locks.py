"""One process at a time writes to a place, and a dead one keeps nobody out."""

import os
import signal

import pytest

from videomamba import locks
from videomamba.errors import UserError
from videomamba.locks import InUseError, is_empty, locked
from videomamba.notes import UserNote


def test_a_place_is_held_by_one(tmp_path):
    folder = tmp_path / "new" / "run"
    with locked(folder):
        assert is_empty(folder)
        with pytest.raises(InUseError, match=rf"run is being written by another process \({os.getpid()} on .*\): wait"):
            locked(folder).__enter__()
        with locked(folder / "split-1"), locked(folder / "a.csv", folder=False):
            assert not is_empty(folder)
    assert sorted(path.name for path in folder.rglob("*")) == ["split-1"]
    with locked(folder):
        pass
    assert issubclass(InUseError, UserError)


def test_an_error_inside_gives_it_back(tmp_path):
    with pytest.raises(OSError, match="disk full"), locked(tmp_path):
        raise OSError("disk full")
    assert list(tmp_path.iterdir()) == []


def child(work):
    """The process id of a fork that does this and then waits."""
    done, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os.write(told, b".")
            signal.pause()
        finally:
            os._exit(1)
    os.read(done, 1)
    return pid


def end(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_killed_process_keeps_nobody_out(tmp_path):
    lock = locked(tmp_path)
    pid = child(lock.__enter__)
    try:
        with pytest.raises(InUseError, match=rf"\({pid} on "):
            locked(tmp_path).__enter__()
    finally:
        end(pid)
    assert (tmp_path / locks.LOCK).exists()
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_loader_that_outlives_its_process_does_not_hold_it(tmp_path):
    read, write = os.pipe()
    lock = locked(tmp_path)

    def fork_again():
        lock.__enter__()
        os.write(write, f"{child(lambda: None)}".encode())

    end(child(fork_again))
    grandchild = int(os.read(read, 20))
    try:
        with locked(tmp_path):
            pass
    finally:
        os.kill(grandchild, signal.SIGKILL)


def test_a_lock_file_that_its_holder_removes_meanwhile_is_not_taken(tmp_path, monkeypatch):
    take, seen = locks._take, []

    def late(descriptor):
        take(descriptor)
        seen.append(descriptor)
        if len(seen) == 1:
            (tmp_path / locks.LOCK).unlink()

    monkeypatch.setattr(locks, "_take", late)
    with locked(tmp_path), pytest.raises(InUseError):
        locked(tmp_path).__enter__()


def test_a_file_system_without_locks_is_used_with_a_note(tmp_path, monkeypatch):
    def missing(descriptor):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(locks, "_take", missing)
    with pytest.warns(UserNote, match=r"cannot be locked \(Function not implemented\)"), locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
