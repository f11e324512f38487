"""torch.hub finds the entry points in a checkout."""

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
    assert set(torch.hub.list(ROOT, source="local")) == {"load_model", *list_models()}
    assert "pretrained:" in torch.hub.help(ROOT, "videomamba_small", source="local")


def test_models(tmp_path):
    names = ("blue", "green", "red")
    model = torch.hub.load(ROOT, "videomamba_nano", source="local", class_names=names, **MODEL)
    assert model.config == create_model("videomamba_nano", num_classes=3, **MODEL).config
    model.save_pretrained(tmp_path / "m")
    assert torch.hub.load(ROOT, "load_model", str(tmp_path / "m"), source="local").class_names == names
    again = torch.hub.load(ROOT, "videomamba_nano", pretrained=str(tmp_path / "m"), source="local", **MODEL)
    assert torch.equal(again.cls_token, model.cls_token)
