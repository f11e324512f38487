"""What figures are measured on."""

import os

import pytest
import torch

from videomamba.machine import cores, machine, machine_line


def test_the_machine_in_figures_and_in_a_line():
    facts = machine("cpu", packages=("torch", "no-such-package"))
    assert torch.__version__.startswith(facts["torch"])
    assert facts["no-such-package"] == "not installed"
    assert (facts["device"], facts["cores"], facts["threads"]) == ("cpu", cores(), torch.get_num_threads())
    line = machine_line("cpu")
    for part in (f"{cores()} cores", facts["capability"], f"PyTorch {facts['torch']}", facts["videomamba"]):
        assert str(part) in line


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system binds no process to cores")
def test_cores_are_those_that_the_process_may_use():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, before)
