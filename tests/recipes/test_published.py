"""The paper's recipes: their commands run, and Table S3 holds for the objects that train."""

import csv
import json
import math

import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms import v2

from tests.data import layouts
from videomamba.cli.main import main
from videomamba.data import DenseSampler, UniformSampler
from videomamba.data.transforms import RandAugment
from videomamba.engine.result import TrainResult
from videomamba.engine.trainer import Trainer
from videomamba.labels import class_names
from videomamba.recipes import RECIPES
from videomamba.recipes.ssv2 import MIRRORED

SMALL = ("--size", "32", "--epochs", "1", "--workers", "0", "--device", "cpu")
PUBLISHED = [recipe for recipe in RECIPES.values() if "start" in recipe.options]
BATCH = {"kinetics": 2, "ssv2": 2, "hmdb51": 2, "breakfast": 6}  # two steps of an epoch


@pytest.fixture(scope="session")
def published_data(tmp_path_factory):
    """A miniature of each data set in its published layout."""
    root = tmp_path_factory.mktemp("published")
    return {
        "kinetics": layouts.kinetics(root / "k400"),
        "ssv2": layouts.ssv2(root / "ssv2"),
        "hmdb51": layouts.hmdb51(root / "hmdb51", per_class=1),
        "breakfast": layouts.breakfast(root / "breakfast"),
    }


def command_of(recipe, data, starts):
    """The recipe's command with its placeholders filled in, ready for ``main``."""
    run = recipe(None)
    places = {"DIR": str(data[run.data.layout])}
    if run.model.begins_from is not None:
        assert recipe.begins_from in run.model.begins_from
        places["CHECKPOINT"] = str(starts[recipe.begins_from, run.model.name])
    words = recipe.command.split()
    assert ("CHECKPOINT" in words) == ("CHECKPOINT" in places)
    return [places.get(word, word) for word in words[1:]]


@pytest.mark.parametrize("recipe", PUBLISHED, ids=lambda recipe: recipe.name)
def test_the_command_trains_and_evaluates(recipe, published_data, starts, tiny_models, tmp_path):
    run = recipe(None)
    argv = [*command_of(recipe, published_data, starts), *SMALL, "--batch-size", str(BATCH[run.data.layout])]
    assert main([*argv, "--output", str(tmp_path / "run")]) == 0
    with (tmp_path / "run" / "metrics.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["step"] == "2"
    views = json.loads((tmp_path / "run" / "result.json").read_text())["views"]
    assert (views["clips"], views["crops"]) == (run.test_clips, run.test_crops)
    trained = json.loads((tmp_path / "run" / "last" / "config.json").read_text())
    assert trained["preprocessing"]["num_frames"] == run.data.num_frames
    for name, value in run.model.overrides.items():
        assert trained["model"][name] == value


def test_a_recipe_that_begins_from_a_model_says_which_one_to_give(published_data, capsys):
    for name, wanted in (
        ("ssv2", "ssv2 begins from an image model of ImageNet-1K, such as Vim's hf-hub:hustvl/Vim-small-midclstok"),
        ("ssv2_tiny", "Vim's hf-hub:hustvl/Vim-tiny-midclstok"),
        (
            "hmdb51_k400",
            "begins from a videomamba_small of Kinetics-400, such as the folder of `videomamba train k400`",
        ),
        ("hmdb51_swin", "begins from a video_swin_t of ImageNet-1K"),
    ):
        assert main(["train", name, str(published_data["ssv2"])]) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert wanted in line
        assert line.endswith(": name it with --start CHECKPOINT")


def test_data_that_are_not_there_are_asked_for(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for options, folder in (((), "data/ssv2"), (("nowhere",), "nowhere")):
        assert main(["train", "ssv2_scratch", *options]) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert line == f"error: {folder} is not a folder; `videomamba train ssv2_scratch DIR` names the one of its data"


@pytest.fixture
def live(published_data, starts, tiny_models, tmp_path, monkeypatch):
    """The trainer that a recipe's command makes, before its first step."""
    made = []

    def fit(self):
        made.append(self)
        return TrainResult(self.folder.path, {"top1": 0.0, "epoch": 1}, {"top1": 0.0, "epoch": 1})

    monkeypatch.setattr(Trainer, "fit", fit)

    def trainer(name, *options):
        argv = command_of(RECIPES[name], published_data, starts)
        small = ["--size", "32", "--workers", "0", "--device", "cpu", "--output", str(tmp_path / name)]
        assert main([*argv, *small, *options]) == 0
        return made.pop()

    return trainer


TABLE_S3 = {  # epochs, warm-up, flip; from scratch: S3
    "k400": (30, 1, True),
    "ssv2": (35, 1, False),
    "hmdb51": (50, 5, True),
    "ssv2_scratch": (100, 1, False),
    "hmdb51_scratch": (200, 5, True),
}


@pytest.mark.parametrize("name", TABLE_S3)
def test_table_s3_on_the_live_objects(live, name):
    epochs, warmup, flip = TABLE_S3[name]
    trainer = live(name)
    # optimiser
    optimizer = trainer.learner.optimizer.optimizer
    assert type(optimizer) is torch.optim.AdamW
    named = {id(p): n for n, p in trainer.learner.bare.named_parameters()}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(named)
    for group in optimizer.param_groups:
        assert group["betas"] == (0.9, 0.999)
        assert group["weight_decay"] in (0.05, 0.0)
        if group["weight_decay"] == 0.05:
            assert any("in_proj" in named[id(p)] for p in group["params"])
            assert all(p.ndim > 1 for p in group["params"])
    # one step per epoch, as 64 clips are more than there are: the schedule epoch by epoch
    assert trainer.train_loader.total_batch_size == 64
    assert len(trainer.train_loader) == 1
    rates = []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        trainer.learner.schedule.step()
    assert max(rates) == pytest.approx(3e-4)
    assert rates.index(max(rates)) == warmup
    assert rates[:warmup] == pytest.approx([3e-4 * (i + 1) / (warmup + 1) for i in range(warmup)])
    share = [(1 + math.cos(math.pi * i / (epochs - 1 - warmup))) / 2 for i in range(epochs - warmup)]
    assert rates[warmup:] == pytest.approx([1e-6 + (3e-4 - 1e-6) * s for s in share])
    assert trainer.run.optim.epochs == epochs
    # transforms
    dataset = trainer.train_loader.dataset
    steps, kinds = dataset.transform.transforms, (RandAugment, v2.RandomResizedCrop, v2.RandomErasing)
    randaugment, crop, erasing = (next(step for step in steps if isinstance(step, kind)) for kind in kinds)
    assert (randaugment.ops, randaugment.mean, randaugment.deviation, randaugment.prob) == (2, 9.0, 0.5, 0.5)
    assert (crop.scale, crop.ratio, erasing.p) == ((0.08, 1.0), (3 / 4, 4 / 3), 0.25)
    assert (dataset.flip, dataset.train) == (flip, True)
    # no repeated augmentation: every video once, one clip of it
    assert sorted(i for batch in trainer.train_loader for i in batch["index"].tolist()) == list(range(len(dataset)))
    assert dataset[0]["video"].shape[:2] == (3, 32 if name != "ssv2_scratch" else 16)
    # drop path and label smoothing
    assert [block.drop_path.p for block in trainer.learner.bare.blocks] == pytest.approx([0.0, 0.1])
    logits, labels = torch.randn(4, len(trainer.task.class_names)), torch.tensor([0, 1, 2, 3])
    smoothed = F.cross_entropy(logits, labels, label_smoothing=0.1)
    assert torch.equal(trainer.task.loss(logits, {"label": labels}), smoothed)


def test_sampling_is_dense_on_kinetics_and_uniform_on_ssv2(live):
    assert live("k400").train_loader.dataset.sampler == DenseSampler(32, 2)  # Table S2
    assert live("ssv2_f8").train_loader.dataset.sampler == UniformSampler(8)


def test_a_step_has_64_clips_whatever_shares_them(live):
    trainer = live("k400", "--accumulate", "4")
    assert trainer.train_loader.total_batch_size == 16
    assert trainer.accelerator.gradient_accumulation_steps == 4
    assert live("ssv2", "--batch-size", "3").train_loader.total_batch_size == 3


def test_64_clips_that_cannot_be_shared(published_data, starts, tiny_models, capsys):
    argv = command_of(RECIPES["k400"], published_data, starts)
    assert main([*argv, "--device", "cpu", "--size", "32", "--accumulate", "3"]) == 2
    assert (
        "k400 takes steps of 64 clips, which 1 processes with 3 batches per step cannot share"
        in capsys.readouterr().err
    )


def test_ssv2_flips_only_when_asked_and_then_swaps_mirrored_classes(live):
    names = class_names("ssv2")
    assert {name for pair in MIRRORED for name in pair} <= set(names)
    for a, b in MIRRORED:
        left, right = a.split(), b.split()
        assert {"left", "right"} <= {*left, *right}
        assert [{"left": "right", "right": "left"}.get(word, word) for word in left] == right
    dataset = live("ssv2", "--flip").train_loader.dataset
    assert dataset.flip is True
    assert dataset.mirrored == {86: 87, 87: 86, 93: 94, 94: 93, 166: 167, 167: 166}


def test_the_baseline_learns_its_backbone_slower(live):
    trainer = live("ssv2_swin")
    rates = {}
    named = {id(p): n for n, p in trainer.learner.bare.named_parameters()}
    for group in trainer.learner.optimizer.optimizer.param_groups:
        for p in group["params"]:
            rates.setdefault(group["initial_lr"], set()).add(".".join(named[id(p)].split(".")[:2]))
    assert {round(rate, 12): parts for rate, parts in rates.items()}[3e-4] == {"module.head"}
    assert sorted(rates) == pytest.approx([3e-5, 3e-4])
    assert (trainer.run.optim.epochs, trainer.run.optim.warmup_epochs, trainer.run.model.drop_path_rate) == (
        60,
        2.5,
        0.4,
    )
    assert trainer.train_loader.total_batch_size == 64
    assert trainer.train_loader.dataset.flip is False


def test_one_command_for_the_mean_of_three_splits(published_data, starts, tiny_models, tmp_path, capsys):
    argv = [*command_of(RECIPES["hmdb51_f8"], published_data, starts), *SMALL, "--batch-size", "2", "--splits", "all"]
    assert main([*argv, "--output", str(tmp_path / "run"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    tops = [result["splits"][str(fold)]["views"]["top1"] for fold in (1, 2, 3)]
    assert result["mean"]["views"]["top1"] == pytest.approx(sum(tops) / 3)
    assert "| several views |" in (tmp_path / "run" / "result.md").read_text()
