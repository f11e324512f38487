"""Modules that somebody wrote, and the paper's baseline, go through the same engine."""

import dataclasses

import pytest
import torch
from torch import nn

from tests.engine.runs import NAMES, Sick, own, start
from tests.tiny import small_swins, tiny_run
from videomamba.cli.main import main
from videomamba.engine.optim import layer_of_parameters
from videomamba.models import CustomModel, load_model
from videomamba.preprocessing import Preprocessing


class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 3)

    def forward(self, video):
        return self.head(video.mean((2, 3, 4)))


def test_a_module_of_ones_own_trains_and_is_read_again(clips, tmp_path):
    run = dataclasses.replace(tiny_run(clips, tmp_path / "run", epochs=8, lr=0.1), test_clips=2)
    result = start(run, model=own(Mean()))
    assert result.last["top1"] == result.views["top1"] == 1
    again = CustomModel.load(run.output / "last", Mean())
    video = torch.randn(2, 3, 4, 32, 32)
    model = Mean()
    model.load_state_dict({n.removeprefix("module."): v for n, v in again.state_dict().items()})
    with torch.no_grad():
        assert torch.equal(again(video), model(video))
    assert again.class_names == NAMES
    with pytest.raises(ValueError, match=r"holds Mean: make that module and use CustomModel\.load"):
        load_model(run.output / "last")
    with pytest.raises(ValueError, match=r"lacks tensor module\.first"):
        CustomModel.load(run.output / "last", Sick(1))


@pytest.mark.parametrize("names", [NAMES[:2], (*NAMES, "white"), NAMES[::-1]])
def test_a_module_with_other_classes_than_the_data_is_refused(clips, tmp_path, names):
    model = CustomModel(Mean(), class_names=names, preprocessing=Preprocessing(num_frames=4, size=(32, 32)))
    with pytest.raises(ValueError, match=r"class names are not the data's 3 in their order: blue, green, red"):
        start(tiny_run(clips, tmp_path / "run"), model=model)
    assert not (tmp_path / "run").exists()


class Deep(nn.Module):
    """Named as timm's models are."""

    def __init__(self):
        super().__init__()
        self.patch_embed, self.head = nn.Linear(3, 8), nn.Linear(8, 3)
        self.blocks = nn.ModuleList(nn.Linear(8, 8) for _ in range(2))

    def group_matcher(self, coarse=False):
        return {"stem": r"^cls_token|^patch_embed", "blocks": [(r"^blocks\.([^.]+)", None), (r"^norm", (99999,))]}

    def forward(self, video):
        x = self.patch_embed(video.mean((2, 3, 4)))
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def test_the_layers_of_ones_own_module_are_its_own(clips, tmp_path):
    layers = layer_of_parameters(own(Deep()))
    assert {name: layer for name, layer in layers.items() if name.endswith("weight")} == {
        "module.patch_embed.weight": 0,
        "module.blocks.0.weight": 1,
        "module.blocks.1.weight": 2,
        "module.head.weight": 3,
    }
    start(tiny_run(clips, tmp_path / "run", epochs=1, layer_decay=0.5), model=own(Deep()))
    with pytest.raises(ValueError, match=r"give Mean timm's group_matcher\(\)"):
        layer_of_parameters(own(Mean()))


def test_the_papers_baseline_goes_the_same_way(clips, tmp_path, capsys):
    options = [
        "--frames",
        "4",
        "--size",
        "32",
        "--batch-size",
        "6",
        "--device",
        "cpu",
        "--workers",
        "0",
        "--epochs",
        "1",
    ]
    run = str(tmp_path / "run")
    with small_swins():
        assert main(["train", str(clips), "--model", "video_swin_t", "--output", run, *options]) == 0
        assert main(["predict", str(next(clips.glob("red/*"))), "--checkpoint", run, "--json"]) == 0
        assert main(["evaluate", run, str(clips), "--split", f"{run}/splits.csv"]) == 0
        assert main(["info", run]) == 0
    out, err = capsys.readouterr()
    assert '"probability"' in out
    assert "VideoSwin" in err


class Tied(Mean):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.first.weight = self.head.weight

    def forward(self, video):
        return self.head(self.first(video.mean((2, 3, 4))))


def test_a_module_with_tied_weights_trains_and_is_tied_when_read(clips, tmp_path):
    run = tiny_run(clips, tmp_path / "run", epochs=1)
    start(run, model=own(Tied()))
    again = CustomModel.load(run.output / "last", Tied())
    assert again.module.first.weight is again.module.head.weight


class Counting(Mean):
    def get_extra_state(self):
        return {"calls": 3}


def test_a_module_that_cannot_be_saved_is_refused_before_the_first_step(clips, tmp_path):
    with pytest.raises(ValueError, match=r"cannot be saved: module\._extra_state is a dict, not a tensor"):
        start(tiny_run(clips, tmp_path / "run"), model=own(Counting()))
    assert not (tmp_path / "run").exists()
