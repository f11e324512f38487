"""Forward passes of several processes at once."""

import json

import pytest
import torch

from videomamba.cli.main import main

OPTIONS = ("--frames", "4", "--sizes", "32", "--seconds", "0.1", "--passes", "forward", "--device", "cpu", "--json")


@pytest.mark.slow
def test_processes_that_share_the_threads(capsys):
    command = ("benchmark", "model", "--models", "videomamba_nano", "--processes", "2", *OPTIONS)
    assert main([*command]) == 0
    one, two = json.loads(capsys.readouterr().out)["processes"]
    assert (one["processes"], two["processes"]) == (1, 2)
    assert (one["threads"], two["threads"]) == (torch.get_num_threads(), max(1, torch.get_num_threads() // 2))
    assert min(one["clips_per_second"], two["clips_per_second"]) > 0
