"""Fixtures that every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.forks import Forks

# PyTorch is not imported here: the process that hands out the tests (-n 2) does without, which saves seconds
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run in parallel; more threads only fight over the cores
GPUS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


def has_gpu() -> bool:
    """Whether PyTorch finds one; asked only where there is a driver."""
    if not any(Path(device).exists() for device in GPUS):
        return False
    import torch

    return torch.cuda.is_available()


if not has_gpu():
    os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported: its kernels run on the CPU, one number at a time


@pytest.fixture
def shared_data() -> Path:
    """The folder of real clips beside the checkout; tests that need it carry the mark ``shared``."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real clips are not here: {folder}")
    return folder


@pytest.fixture(scope="session")
def forks() -> Iterator["Forks"]:
    """Starts processes that need not import PyTorch again."""
    from tests.engine.forks import Forks

    with Forks() as forks:
        yield forks


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """A folder of four videos."""
    from tests.data.videos import numbered_frames, write

    (tmp_path / "videos").mkdir(exist_ok=True)
    for i in range(4):
        write(tmp_path / "videos" / f"{i}.mp4", numbered_frames(20 + i))
    return tmp_path / "videos"
