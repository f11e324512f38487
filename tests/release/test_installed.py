"""What an installed package must do with its core dependencies alone; needs nothing of the checkout.

``make wheel`` and ``make lowest`` run this file outside of the checkout.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import videomamba
from videomamba.cli.main import main
from videomamba.data.synthetic import write_video
from videomamba.ops.backend import backend_status


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A model and a clip, in the current folder."""
    model = videomamba.create_model("videomamba_nano", depth=2, num_classes=3, class_names=("a", "b", "c"))
    model.save_pretrained(tmp_path / "model")
    frames = np.random.default_rng(0).integers(0, 256, (20, 48, 64, 3), dtype=np.uint8)
    write_video(tmp_path / "clip.mp4", frames, fps=10)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow  # where the package is not installed, the other tests of the command say as much
def test_the_command_predicts(folder):
    command = Path(sys.executable).with_name("videomamba")
    argv = [str(command)] if command.exists() else [sys.executable, "-m", "videomamba.cli.main"]
    done = subprocess.run(
        [*argv, "predict", "clip.mp4", "--checkpoint", "model", "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)
    assert sum(one["probability"] for one in result["predictions"]) == pytest.approx(1, abs=1e-4)


def test_python_predicts_the_same_on_every_backend(folder):
    told = {}
    for backend in [name for name, (runs, _) in backend_status().items() if runs and name != "triton"]:
        model = videomamba.load_model("model", backend=backend)
        told[backend] = [one.probability for one in next(iter(videomamba.predict(model, ["clip.mp4"]))).top_k]
    assert {"torch", "reference"} <= set(told)
    for probabilities in told.values():
        assert probabilities == pytest.approx(told["reference"], abs=1e-5)


def test_a_backward_pass_gives_gradients():
    model = videomamba.create_model("videomamba_nano", depth=1, num_frames=4, img_size=32, num_classes=2)
    model(torch.randn(2, 3, 4, 32, 32)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters() if p.requires_grad)


def test_weights_are_read_again_bit_for_bit(folder):
    first = videomamba.load_model("model")
    first.save_pretrained("again")
    again = videomamba.load_model("again").state_dict()
    assert all(torch.equal(value, again[name]) for name, value in first.state_dict().items())


@pytest.mark.parametrize("verb", ["predict", "delta", "convert", "info", "check", "features", "detect", "segment"])
def test_verbs_have_help(verb, capsys):
    assert main([verb, "--help"]) == 0
    assert f"videomamba {verb}" in capsys.readouterr().out


def test_env_says_whether_the_kernels_are_there(capsys):
    assert main(["env", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["scan native"]
    wanted = os.environ.get("VIDEOMAMBA_KERNELS", "")
    if wanted == "yes":
        assert told.startswith("yes: C++")
    elif wanted == "no":
        assert told.startswith("no: not compiled")
        assert "several times faster" in told


@pytest.mark.slow  # `make lowest` and `make wheel` run it
def test_triton_takes_a_kernel_of_both_directions(tmp_path):
    """The Triton that PyTorch brings, the oldest supported one too; no GPU is needed to compile for one."""
    pytest.importorskip("triton", reason="PyTorch brings Triton on Linux only")
    compile_ = (
        "from videomamba.benchmark.gpu.compiled import compiled\n"
        "from videomamba.ops.scan.triton_tuning import CANDIDATES\n"
        "print(*(x.kernel for x in compiled(CANDIDATES['forward'][0], 'sm_90', ('stitch',))))"
    )
    environment = {**os.environ, "TRITON_CACHE_DIR": str(tmp_path)}
    environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run(
        [sys.executable, "-c", compile_], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
    )
    assert done.stdout == "stitch\n", done.stderr
