"""The model card: metadata, origin, figures, and a snippet that runs."""

import json
import re

import pytest
import torch
from huggingface_hub import ModelCard

from tests.models.weights.foreign_files import random_weights
from tests.tiny import MODEL, write_clips
from videomamba.models import convert, create_model, load_model
from videomamba.models.card import model_card
from videomamba.models.weights.published import published_checkpoints

NAMES = ("blue", "green", "red")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's folder with a model, its figures and its command."""
    folder = tmp_path_factory.mktemp("runs") / "colours"
    model = create_model("videomamba_nano", class_names=NAMES, **MODEL)
    model.source = "trained from scratch (colours)"
    for which in ("best", "last"):
        model.save_pretrained(folder / which)
        (folder / which / "README.md").unlink()
    rows = {"best": {"epoch": 2, "top1": 0.75, "top5": 1.0, "train_loss": 1.0}, "last": {"epoch": 3, "top1": 0.5}}
    (folder / "result.json").write_text(json.dumps({**rows, "test": None}))
    facts = {"command": "videomamba train clips/colours --epochs 3"}
    (folder / "config.json").write_text(json.dumps({"data": {"root": "clips/colours"}, "facts": facts}))
    return folder


def test_a_runs_model(run):
    card = model_card(load_model(run), "owner/name")
    data = card.data
    assert (data.library_name, data.pipeline_tag, data.license) == ("videomamba", "video-classification", None)
    assert "arxiv:2407.08476" in data.tags
    (first, second) = data.eval_results
    assert (first.metric_name, first.metric_value, first.dataset_name) == ("top1", 75.0, "colours")
    assert second.metric_name == "top5"
    for text in (
        "https://arxiv.org/abs/2407.08476",
        "VideoMamba for video classification, ",
        "4 frames evenly over the video of 32 x 32. Output: 3 classes: blue, green, red.",
        "Licence of the weights: not stated",
        "Made by `videomamba train clips/colours --epochs 3`",
        "| top1 | 75.0 |",
        "the epoch was chosen by them, which is optimistic",
    ):
        assert text in card.content, text
    assert model_card(load_model(run / "last")).data.eval_results[0].metric_value == 50.0


def test_figures_of_other_weights_are_left_out(run):
    model = load_model(run)
    with torch.no_grad():
        model.cls_token.add_(1)
    card = model_card(model)
    assert card.data.eval_results is None
    assert "Figures" not in card.content
    assert "Made by" not in card.content


def converted(name, tmp_path, **layout):
    row = published_checkpoints()[name]
    weights = random_weights(32, 1, **layout)
    torch.save({"model": weights} if row.frames == 1 else weights, tmp_path / row.file)
    convert(tmp_path / row.file, tmp_path / "ours")
    return load_model(tmp_path / "ours"), row


def test_a_converted_model_keeps_its_sources_licence_and_figures(tmp_path):
    model, row = converted("videomamba_s16_k400_f16_res224", tmp_path, classes=400, frames=16)
    card = model_card(model, "owner/name")
    assert (card.data.license, card.data.base_model) == ("apache-2.0", "OpenGVLab/VideoMamba")
    assert {"arxiv:2407.08476", "arxiv:2403.06977"} <= set(card.data.tags)
    assert card.data.eval_results[0].metric_value == row.top1
    assert "published by its authors for 4 clips x 3 crops; not measured again" in card.content
    assert f"Made by `videomamba convert {row.name} DIR`" in card.content


def test_an_image_model(tmp_path):
    model, _ = converted("vim_t_midclstok_76p1acc", tmp_path, classes=1000)
    card = model_card(model)
    assert (card.data.pipeline_tag, card.data.base_model) == ("image-classification", "hustvl/Vim-tiny-midclstok")
    assert "arxiv:2401.09417" in card.data.tags


@pytest.mark.parametrize(
    ("name", "fields", "tag", "words", "paper"),
    [
        ("videomamba_nano_detector", {"depth": 1}, "object-detection", "action-detection", "2407.08476"),
        ("mstcn2", {"num_classes": 4, "input_dim": 8}, "video-classification", "action-segmentation", "2006.09220"),
        ("video_swin_t", {"num_classes": 4}, "video-classification", "video-classification", "2106.13230"),
        ("videomamba_nano", {"num_classes": 0, "depth": 1}, "feature-extraction", "video-classification", "2407.08476"),
    ],
)
def test_each_task_has_its_tag_and_paper(name, fields, tag, words, paper):
    with torch.device("meta"):
        model = create_model(name, **fields)
    card = model_card(model)
    assert card.data.pipeline_tag == tag
    assert words in card.data.tags
    assert f"arxiv:{paper}" in card.data.tags
    assert ("arxiv:2407.08476" in card.data.tags) == (name not in ("mstcn2", "video_swin_t"))


def snippet(card):
    return re.search(r"```python\n(.*?)```", card.content, re.DOTALL)[1]


@pytest.mark.parametrize("classes", [3, 0])
def test_the_snippet_runs(classes, tmp_path, monkeypatch, capsys):
    model = create_model("videomamba_nano", num_classes=classes, **MODEL)
    model.license = "mit"
    model.save_pretrained(tmp_path / "model")
    clip = write_clips(tmp_path / "clips", per_class=1) / "red" / "red_0.mp4"
    clip.rename(tmp_path / "model" / "clip.mp4")
    monkeypatch.chdir(tmp_path / "model")
    card = ModelCard.load("README.md")
    assert card.data.license == "mit"
    names = {}
    exec(snippet(card), names)
    if classes:
        assert "clip.mp4 (ClassScore(" in capsys.readouterr().out
    else:
        assert names["features"].shape == (1, 32)


def test_the_card_on_the_hub_names_the_repository(tmp_path):
    model = create_model("videomamba_nano", num_classes=3, **MODEL)
    model.save_pretrained(tmp_path / "m", model_card_kwargs={"repo_id": "owner/name"})
    card = ModelCard.load(tmp_path / "m" / "README.md")
    assert 'videomamba.predict("owner/name", "clip.mp4")' in snippet(card)
    assert card.content.splitlines().count("# name") == 1
