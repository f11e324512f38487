"""The Python blocks of the README and the docs run, in a folder that has the files they name."""

import re
from pathlib import Path

import pytest
import torch
from tiny import write_clips

import videomamba
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
    for name, model in (("runs/mine", video), ("models/k400", video), ("models/vim_s", image)):
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
