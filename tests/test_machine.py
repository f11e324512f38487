"""What figures are measured on."""

import os
import platform

import pytest
import torch

from videomamba.machine import bf16_products, cores, machine, machine_line, vendor


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


@pytest.mark.parametrize(
    ("capabilities", "pays", "said"),
    [
        ({"avx2": True}, False, "no instructions for bfloat16 products"),
        ({"avx512_bf16": True}, True, "AVX512-BF16"),
        ({"avx512_bf16": True, "amx_bf16": True}, True, "AMX"),
        ({"bf16": True}, True, "Arm's BF16"),
    ],
)
def test_bfloat16_products_pay_where_the_cpu_has_them(capabilities, pays, said, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    got, reason = bf16_products("cpu")
    assert got is pays
    assert said in reason


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\n", ("AuthenticAMD", "AMD EPYC")),
        ("processor\t: 0\nCPU implementer\t: 0x41\n", (None, platform.processor() or platform.machine())),  # Arm's
        (None, (None, platform.processor() or platform.machine())),  # no Linux
    ],
)
def test_what_the_processor_says_of_itself(text, said, tmp_path, monkeypatch):
    file = tmp_path / "cpuinfo"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr("videomamba.machine._CPUINFO", file)
    assert (vendor(), machine("cpu")["processor"]) == said
