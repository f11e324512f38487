"""The allocator's thresholds belong to the process: our command line and loader processes set them, a library not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from videomamba.cli.main import main
from videomamba.data import make_loader

LIBRARY = """
import ctypes, os
asked = []

class Watched(ctypes.CDLL):
    def __getattr__(self, name):
        if name == "mallopt":
            asked.append(name)
        return super().__getattr__(name)

ctypes.CDLL = Watched
import torch
torch.set_num_threads(2)
environment, threads = dict(os.environ), torch.get_num_threads()

import videomamba
model = videomamba.create_model("videomamba_nano", num_frames=4, img_size=32, num_classes=2)
model(torch.rand(1, 3, 4, 32, 32)).sum().backward()
x, B = torch.rand(2, 3, 5), torch.rand(2, 4, 5)
videomamba.ops.selective_scan(x, x, -torch.rand(3, 4), B, B)
assert dict(os.environ) == environment, "the environment has changed"
assert torch.get_num_threads() == threads, "the number of threads has changed"
assert not asked, "the allocator's thresholds have changed"

from videomamba.memory import keep_freed_memory
keep_freed_memory()
assert asked == ["mallopt"], "this test sees no call"
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's thresholds")
def test_a_library_call_leaves_the_process_as_it_is():
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_TRIM_THRESHOLD_"}
    done = subprocess.run([sys.executable, "-c", LIBRARY], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_command_line_sets_them(monkeypatch, capsys):
    calls = []
    monkeypatch.setattr("videomamba.cli.main.keep_freed_memory", lambda: calls.append(1))
    assert main(["--help"]) == 0
    assert not calls
    assert main(["models"]) == 0
    assert calls == [1]


class Samples:
    epoch = 0

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return index


def test_loader_processes_set_them(monkeypatch, tmp_path):
    monkeypatch.setattr("videomamba.data.loader.keep_freed_memory", (tmp_path / "called").touch)
    assert len(list(make_loader(Samples(), batch_size=1, shuffle=False, num_workers=0))) == 1
    assert not Path(tmp_path / "called").exists()
    assert len(list(make_loader(Samples(), batch_size=1, shuffle=False, num_workers=1))) == 1
    assert Path(tmp_path / "called").exists()
