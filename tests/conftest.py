"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported: its kernels run on the CPU, one number at a time
torch.set_num_threads(1)  # tests run in parallel processes; more threads only fight over the cores


@pytest.fixture
def shared_data() -> Path:
    """The folder of real clips beside the checkout; tests that need it carry the mark ``shared``."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real clips are not here: {folder}")
    return folder
