"""The Python blocks of README and docs, and the examples of public docstrings, run beside the files that they name."""

import doctest
import re
from pathlib import Path

import pytest
import torch

import videomamba
import videomamba.transformers
from tests.tiny import write_clips
from videomamba.data.synthetic import write_video

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{i}")
    for page in PAGES
    for i, block in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M))
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Small stand-ins for the files that the pages name."""
    root = tmp_path_factory.mktemp("docs")
    write_clips(root / "clips", per_class=1)
    write_video(root / "clip.mp4", torch.randint(256, (20, 48, 64, 3), dtype=torch.uint8).numpy(), fps=10)
    video = videomamba.create_model("videomamba_nano", num_frames=8, depth=1, class_names=("blue", "green", "red"))
    image = videomamba.create_model(
        "videomamba_small", num_frames=1, tubelet_size=1, img_size=32, pos_embed="random", num_classes=3
    )
    for name, model in (("runs/mine", video), ("runs/clips", video), ("models/k400", video), ("models/vim_s", image)):
        model.save_pretrained(root / name)
    return root


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_runs(block, folder, monkeypatch):
    monkeypatch.chdir(folder)
    model = videomamba.load_model("runs/mine")
    names = {"videomamba": videomamba, "torch": torch, "model": model, "video": torch.zeros(1, 3, 8, 64, 64)}
    exec(compile(block, "block", "exec"), names)


def test_there_are_blocks():
    assert len(BLOCKS) >= 4


PUBLIC = [
    "videomamba.transformers",
    *(f"videomamba.{name}" for name in videomamba.__all__ if name != "ops"),
    "videomamba",
]
OPERATORS = [f"videomamba.ops.{name}" for name in ("selective_scan", "bidirectional_scan", "causal_conv1d")]


@pytest.mark.parametrize("name", [*PUBLIC, *OPERATORS])
def test_a_public_docstring_has_an_example_that_runs(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    documented = eval(name)
    names = {"videomamba": videomamba, "torch": torch, "model": videomamba.load_model("runs/mine")}
    examples = doctest.DocTestParser().get_doctest(documented.__doc__, names, name, None, None)
    assert examples.examples, f"{name} has no example"
    said: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=said.append)
    assert not failed, "".join(said)


def test_public_names_are_listed_and_documented():
    assert set(videomamba.__all__) <= set(dir(videomamba))
    for name in videomamba.__all__:
        assert getattr(videomamba, name).__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'creat_model'"):
        _ = videomamba.creat_model
