"""The notebooks' code runs from top to bottom, and what they show was made by it."""

import json
from pathlib import Path

import numpy as np
import pytest

from videomamba.data.synthetic import write_video
from videomamba.models import create_model

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def code_cells(name):
    cells = json.loads((EXAMPLES / name).read_text())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("given", [True, False], ids=["a checkpoint and a video", "nothing"])
def test_delta_maps(given, tmp_path, monkeypatch, capsys):
    if given:
        create_model("videomamba_tiny", depth=2, num_frames=4, img_size=32).save_pretrained(tmp_path / "model")
        video = np.random.default_rng(0).integers(0, 256, (9, 48, 32, 3), dtype=np.uint8)
        write_video(tmp_path / "clip.mp4", video, fps=8)
        monkeypatch.setenv("VIDEOMAMBA_CHECKPOINT", str(tmp_path / "model"))
        monkeypatch.setenv("VIDEOMAMBA_VIDEO", str(tmp_path / "clip.mp4"))
    else:
        monkeypatch.delenv("VIDEOMAMBA_CHECKPOINT", raising=False)
        monkeypatch.delenv("VIDEOMAMBA_VIDEO", raising=False)
    names: dict[str, object] = {}
    for cell in code_cells("delta_maps.ipynb"):
        exec("".join(cell["source"]), names)
    layers = 2 if given else 4
    assert names["maps"].shape[0] == layers
    assert capsys.readouterr().out.count("forward ") == layers
    assert names["page"].stat().st_size > 10_000


def test_outputs_were_made_by_these_cells():
    cells = code_cells("delta_maps.ipynb")
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    pictures = [output for cell in cells for output in cell["outputs"] if "image/png" in output.get("data", {})]
    assert len(pictures) == 3
