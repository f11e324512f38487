"""Timed loops do what they are said to."""

import pytest
import torch

from tests.benchmark.sizes import CPU
from videomamba.benchmark.timing import exponentials


@pytest.mark.parametrize("count", [1, 1000, 2**19 + 5])
def test_as_many_exponentials_as_asked_for(count, monkeypatch):
    sizes = []
    monkeypatch.setattr(torch, "exp", lambda values, out: sizes.append(values.numel()))
    exponentials(count, CPU)()
    assert sum(sizes) == -(-count // torch.get_num_threads())
