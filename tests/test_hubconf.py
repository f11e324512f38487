"""torch.hub finds the entry points in a checkout."""

import runpy
from pathlib import Path

import pytest
import torch

from tests.tiny import MODEL
from videomamba.models import create_model, list_models

ROOT = str(Path(__file__).resolve().parents[1])


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


def test_entry_points():
    """As torch.hub.list and torch.hub.help see them, which do not read a local folder."""
    entries = {name: entry for name, entry in runpy.run_path(f"{ROOT}/hubconf.py").items() if callable(entry)}
    assert {name for name in entries if not name.startswith("_")} == {"load_model", *list_models()}
    assert "pretrained:" in entries["videomamba_small"].__doc__


def test_models(tmp_path):
    names = ("blue", "green", "red")
    model = torch.hub.load(ROOT, "videomamba_nano", source="local", class_names=names, **MODEL)
    assert model.config == create_model("videomamba_nano", num_classes=3, **MODEL).config
    model.save_pretrained(tmp_path / "m")
    assert torch.hub.load(ROOT, "load_model", str(tmp_path / "m"), source="local").class_names == names
    again = torch.hub.load(ROOT, "videomamba_nano", pretrained=str(tmp_path / "m"), source="local", **MODEL)
    assert torch.equal(again.cls_token, model.cls_token)
