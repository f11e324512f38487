"""What a run begins with: a fresh model, or a checkpoint fitted to the data."""

import dataclasses

import pytest
import torch

from tests.tiny import MODEL, tiny_run
from videomamba.engine.model import build_model
from videomamba.models import create_model
from videomamba.notes import UserNote
from videomamba.preprocessing import Preprocessing

NAMES = ("blue", "green", "red")


@pytest.fixture
def start(tmp_path):
    """A checkpoint of the three colours at stride 2."""
    size = (MODEL["img_size"],) * 2
    preprocessing = Preprocessing(num_frames=4, stride=2, size=size, mean=(0.1, 0.2, 0.3))
    model = create_model("videomamba_nano", class_names=NAMES, preprocessing=preprocessing, **MODEL)
    model.save_pretrained(tmp_path / "start")
    return tmp_path / "start", model


def run_from(folder, tmp_path, **data):
    run = tiny_run(tmp_path, tmp_path / "run")
    model = dataclasses.replace(run.model, start=str(folder), drop_path_rate=0.2)
    return dataclasses.replace(run, model=model, data=dataclasses.replace(run.data, **data))


def same(ours, theirs, but=()):
    theirs = dict(theirs.named_parameters())
    return {name for name, p in ours.named_parameters() if not torch.equal(p, theirs[name])} == set(but)


def test_the_same_classes_keep_every_weight(start, tmp_path):
    folder, saved = start
    model = build_model(run_from(folder, tmp_path), NAMES)
    assert same(model, saved)
    assert model.preprocessing == saved.preprocessing
    assert model.blocks[-1].drop_path.p == pytest.approx(0.2)


def test_the_same_classes_in_another_order_permute_the_head(start, tmp_path):
    folder, saved = start
    with pytest.warns(UserNote, match=r"head permuted: .* now 3 classes \(red, green, blue\)"):
        model = build_model(run_from(folder, tmp_path), NAMES[::-1])
    assert torch.equal(model.head.weight, saved.head.weight.flip(0))
    assert same(model, saved, but={"head.weight"})


def test_other_classes_get_a_fresh_head_and_keep_the_rest(start, tmp_path):
    folder, saved = start
    model = build_model(run_from(folder, tmp_path), ("circle", "square", "star"))
    assert same(model, saved, but={"head.weight"})
    assert model.class_names == ("circle", "square", "star")
    assert build_model(run_from(folder, tmp_path), ("a", "b")).num_classes == 2


def test_another_input_resizes_the_positions(start, tmp_path):
    folder, _ = start
    model = build_model(run_from(folder, tmp_path, num_frames=8, size=(32, 48), stride="uniform"), NAMES)
    assert model.preprocessing == Preprocessing(num_frames=8, stride=None, size=(32, 48), mean=(0.1, 0.2, 0.3))
    assert model(torch.rand(1, 3, 8, 32, 48)).shape == (1, 3)


def test_a_fresh_model_takes_the_runs_input(tmp_path):
    run = tiny_run(tmp_path, tmp_path / "run")
    run = dataclasses.replace(run, data=dataclasses.replace(run.data, num_frames=6, size=16, stride=3))
    model = build_model(run, NAMES)
    assert model.preprocessing == Preprocessing(num_frames=6, stride=3, size=(16, 16))
    assert (model.config.embed_dim, model.config.grid, model.class_names) == (32, (3, 2, 2), NAMES)


def test_an_input_that_the_model_cannot_take(start, tmp_path):
    folder, _ = start
    with pytest.raises(ValueError, match="num_frames=5 must be divisible by tubelet_size=2"):
        build_model(run_from(folder, tmp_path, num_frames=5), NAMES)


def test_a_named_architecture_with_a_checkpoints_weights(start, tmp_path):
    """An image model of ours becomes the named video model, the class token moves, the head is fresh."""
    image = create_model("videomamba_nano", num_classes=4, **MODEL | {"num_frames": 1, "tubelet_size": 1})
    image.source, image.license = "somewhere", "mit"
    image.save_pretrained(tmp_path / "image")
    run = run_from(tmp_path / "image", tmp_path)
    run = dataclasses.replace(run, model=dataclasses.replace(run.model, name="videomamba_nano", freeze=1))
    model = build_model(run, NAMES)
    assert (model.config.num_frames, model.config.tubelet_size, model.class_names) == (4, 2, NAMES)
    assert torch.equal(model.blocks[1].mixer.in_proj.weight, image.blocks[1].mixer.in_proj.weight)
    assert [p.requires_grad for p in (model.cls_token, *(b.norm.weight for b in model.blocks))] == [False, False, True]
    assert model.source == f"fine-tuned (tiny) from {tmp_path / 'image'} (somewhere)"
    assert model.license == "mit"


def test_a_model_keeps_the_views_of_its_own_run(tmp_path):
    start = create_model("videomamba_nano", num_classes=3, **MODEL)
    start.preprocessing = dataclasses.replace(start.preprocessing, sampling="sparse", views=(4, 3))
    start.save_pretrained(tmp_path / "start")
    run = run_from(tmp_path / "start", tmp_path)
    assert build_model(run, NAMES).preprocessing == dataclasses.replace(start.preprocessing, views=(1, 1))
    assert build_model(dataclasses.replace(run, test_clips=2), NAMES).preprocessing.views == (2, 1)


def test_freezing_needs_a_start(tmp_path):
    with pytest.raises(ValueError, match="freeze=2 needs start"):
        dataclasses.replace(tiny_run(tmp_path, tmp_path).model, freeze=2)
