"""The core runs without any optional package, and a missing one is one line that names the extra."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch

from videomamba.data.synthetic import write_video
from videomamba.errors import UserError
from videomamba.extras import EXTRAS, how_to_install, require
from videomamba.models import create_model

PROJECT = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text())["project"]


def names(requirements):
    return {re.match(r"[\w-]+", text)[0] for text in requirements}


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(UserError, match=r'^the page needs gradio, .*: pip install "videomamba\[app\]"$'):
        require("gradio", "the page")
    require("torch", "everything")


def test_each_package_is_in_its_extra():
    extras = PROJECT["optional-dependencies"]
    for package, extra in EXTRAS.items():
        assert package in names(extras[extra])
        assert how_to_install(package) == f'pip install "videomamba[{extra}]"'
    assert set(re.findall(r"\w+(?=[,\]])", " ".join(extras["all"]))) == set(extras) - {"all"}


def test_the_core_has_few_dependencies():
    assert len(PROJECT["dependencies"]) <= 9
    assert not names(PROJECT["dependencies"]) & set(EXTRAS)


RUN = """
import contextlib, io, sys
sys.modules.update(dict.fromkeys({packages}))  # as if they were not installed
from videomamba.cli.main import main
import videomamba
print(main(["predict", "clip.mp4", "--checkpoint", "model"]))
for verb in (["delta", "clip.mp4", "--checkpoint", "model"], ["train", "clips"], ["evaluate", "model", "clips"]):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        print(main(verb), said.getvalue().strip())
"""


def test_prediction_needs_none_and_others_say_what_they_need(tmp_path):
    create_model("videomamba_nano", depth=1, num_classes=2).save_pretrained(tmp_path / "model")
    write_video(tmp_path / "clip.mp4", torch.zeros(20, 48, 64, 3, dtype=torch.uint8).numpy(), fps=10)
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(packages=list(EXTRAS))],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == [
        "0",
        '2 error: a figure needs matplotlib, which is not installed: pip install "videomamba[train]"',
        '2 error: training or evaluating needs accelerate, which is not installed: pip install "videomamba[train]"',
        '2 error: training or evaluating needs accelerate, which is not installed: pip install "videomamba[train]"',
    ], done.stderr


def test_importing_the_package_imports_nothing_large():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import videomamba; videomamba.__version__"],
        capture_output=True,
        text=True,
    )
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert not imported & {"torch", "numpy", "tyro", "rich", "av", *EXTRAS}
    assert sum(name.startswith("videomamba") for name in imported) == 1


def test_the_help_of_predict_imports_no_large_package():
    code = "import sys; from videomamba.cli.main import main; main(['predict', '--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(done.stdout.splitlines()[-1].split())
    assert "tyro" in imported
    assert not imported & {"torch", "numpy", "av", "huggingface_hub", "jaxtyping", *EXTRAS}
