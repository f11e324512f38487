"""Memory that is kept from call to call."""

import threading

import torch

from videomamba.ops.native import scratch as module
from videomamba.ops.native.scratch import scratch


def test_tensors_are_apart_and_the_next_call_gives_the_same_memory():
    shape = (2, 5, 3)
    first = scratch(3, shape, torch.float32)
    for i, x in enumerate(first):
        x.fill_(i)
    assert [(x.shape, x.is_contiguous(), x.unique().tolist()) for x in first] == [
        ((2, 5, 3), True, [i]) for i in range(3)
    ]
    with torch.inference_mode():
        again = scratch(2, shape, torch.bfloat16)
        again[0].fill_(1)  # a tensor of any mode
    assert again[0].data_ptr() == first[0].data_ptr()
    assert again[0].dtype == torch.bfloat16
    assert scratch(3, shape, torch.float32) is first
    first[0].add_(1)
    assert [x.numel() for x in scratch(2, (0, 4), torch.float32)] == [0, 0]


def test_large_ones_are_not_kept_and_each_thread_has_its_own(monkeypatch):
    found = []
    kept = scratch(1, (1, 64), torch.float32).data_ptr()
    other = threading.Thread(target=lambda: found.append(scratch(1, (1, 64), torch.float32).data_ptr()))
    other.start()
    other.join()
    monkeypatch.setattr(module, "_KEPT", 100)
    found.append(scratch(1, (64,), torch.float32).data_ptr())
    assert kept not in found
