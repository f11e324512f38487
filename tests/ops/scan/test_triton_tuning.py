"""Which configuration the Triton kernels take, and the file that keeps it."""

import threading

import pytest
import torch

pytest.importorskip("triton")
from videomamba.errors import UserError
from videomamba.ops.scan import triton_tuning
from videomamba.ops.scan.triton_launch import Config
from videomamba.ops.scan.triton_tuning import CANDIDATES, MEASURED, cache_file, chosen, config_of, key, tune

UNKNOWN = "NVIDIA L40S"


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_file(UNKNOWN)


@pytest.fixture
def on_a_gpu(monkeypatch):
    monkeypatch.setattr("videomamba.ops.scan.triton_tuning.interpreted", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: UNKNOWN)
    triton_tuning._measured_on.cache_clear()  # read once in a process

    class OnAGpu:
        device, dtype = torch.device("cuda"), torch.bfloat16

    return OnAGpu()


def test_the_fastest_is_kept_on_disk_and_taken(file, on_a_gpu):
    assert config_of("forward", on_a_gpu, 16) == CANDIDATES["forward"][0]
    times = iter(range(len(CANDIDATES["forward"]), 0, -1))  # the last one is the fastest
    best = tune(key("forward", torch.bfloat16, 16), lambda: None, lambda run: next(times), file)
    assert best == CANDIDATES["forward"][-1] != CANDIDATES["forward"][0]
    assert config_of("forward", on_a_gpu, 16) == best
    assert config_of("forward", on_a_gpu, 33) == CANDIDATES["forward"][0], "measured for 16 states"
    tune(key("backward", torch.bfloat16, 16), lambda: None, lambda run: 1.0, file)
    assert config_of("forward", on_a_gpu, 16) == best, "another pass's figure leaves it"


@pytest.mark.parametrize("what", ["forward", "backward"])
@pytest.mark.parametrize("name", MEASURED)
def test_a_gpu_that_was_measured_takes_what_was_fastest(name, what, file, on_a_gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    assert config_of(what, on_a_gpu, 16) == MEASURED[name][what]
    tune(key(what, torch.bfloat16, 16), lambda: None, lambda run: 1.0, cache_file(name))
    assert config_of(what, on_a_gpu, 16) == CANDIDATES[what][0], "the user's own measurement goes first"


def test_a_configuration_that_does_not_run_is_passed_over(file):
    def clock(run):
        run()
        return 1.0

    def run():
        if config_of("forward", torch.empty(1), 16) != CANDIDATES["forward"][2]:
            raise RuntimeError("out of resources: shared memory")

    assert tune(key("forward", torch.float32, 16), run, clock, file) == CANDIDATES["forward"][2]


def test_nothing_that_runs_is_said(file):
    def clock(run):
        raise RuntimeError("out of resource")

    with pytest.raises(UserError, match="no configuration of the kernels runs here for forward"):
        tune(key("forward", torch.float32, 16), lambda: None, clock, file)
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "[1]", '{"forward": 3}', '{"forward, bfloat16, 16 states": {"speed": 1}}'])
def test_a_broken_file_is_as_none(text, file, on_a_gpu):
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert config_of("forward", on_a_gpu, 16) == CANDIDATES["forward"][0]


def test_a_chosen_one_is_taken_within_its_block():
    config = Config(steps=2)
    with chosen(config):
        assert config_of("forward", torch.empty(1), 16) == config
    assert config_of("forward", torch.empty(1), 16) != config


def test_files_are_apart_by_device(file):
    assert file != cache_file("AMD Instinct MI300X")
    assert "NVIDIA-L40S" in file.name


def test_a_thread_of_pytorchs_takes_the_chosen_one():
    """Where the gradient of tensors on a GPU is computed."""
    config, seen = Config(steps=2), []
    with chosen(config, "backward"):
        thread = threading.Thread(target=lambda: seen.extend(config_of(x, torch.empty(1), 16) for x in CANDIDATES))
        thread.start()
        thread.join()
    assert [x == config for x in seen] == [False, True]
