"""Options of the optimisation do what they are named, on live runs; other models go through the same engine."""

import dataclasses
import io

import pytest
import torch
from rich.console import Console
from torch import nn

from tests.tiny import tiny_run
from videomamba.cli.main import main
from videomamba.engine import TrainingError, load_splits, train
from videomamba.engine.checkpoint import read_checkpoint
from videomamba.engine.mixing import Mixing
from videomamba.engine.optim import layer_of_parameters
from videomamba.models import CustomModel, load_model
from videomamba.preprocessing import Preprocessing
from videomamba.tasks.recognition import Recognition

NAMES = ("blue", "green", "red")


def start(run, **options):
    splits = load_splits(run.data, seed=run.seed)
    return train(run, Recognition(NAMES), splits, console=Console(file=io.StringIO()), **options)


def saved(run):
    return load_model(run.output / "last").state_dict()


def close(ours, theirs, tolerance=1e-5):
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, atol=tolerance, rtol=1e-4, msg=name)


def test_accumulated_batches_make_the_step_of_one_large_batch(clips, tmp_path):
    one, two = tiny_run(clips, tmp_path / "one"), tiny_run(clips, tmp_path / "two", batch_size=2, accumulate=2)
    assert start(one).last["step"] == start(two).last["step"] == 6
    close(saved(two), saved(one))


def test_checkpointed_gradients_are_the_same(clips, tmp_path):
    """With drop path, whose draws must come again when a block is computed again."""
    runs = [tiny_run(clips, tmp_path / name, grad_checkpointing=name == "less memory") for name in ("a", "less memory")]
    runs = [dataclasses.replace(run, model=dataclasses.replace(run.model, drop_path_rate=0.4)) for run in runs]
    for run in runs:
        start(run)
    close(saved(runs[1]), saved(runs[0]))


def test_averaged_weights_are_tested_and_saved(clips, tmp_path):
    run = tiny_run(clips, tmp_path / "run", ema=0.7)
    steps = []

    def watched(trainer, loss):
        steps.append({name: p.detach().clone() for name, p in trainer.bare.named_parameters()})

    result = start(run, on_step=watched)
    average = steps[0]
    for step in steps[1:]:
        average = {name: 0.7 * average[name] + 0.3 * step[name] for name in average}
    close(saved(run), average)
    assert not torch.allclose(average["head.weight"], steps[-1]["head.weight"], atol=1e-5)
    close(read_checkpoint(run.output / "checkpoints")["model"], steps[-1])  # training itself goes on without it
    report = main(["evaluate", str(run.output / "last"), str(clips), "--split", str(run.output / "splits.csv")])
    assert report == 0
    assert result.last["test_loss"] > 0


@pytest.mark.slow
def test_a_compiled_model_learns_the_same(clips, tmp_path):
    plain, compiled = tiny_run(clips, tmp_path / "plain"), tiny_run(clips, tmp_path / "compiled", compile=True, ema=0.5)
    plain = dataclasses.replace(plain, optim=dataclasses.replace(plain.optim, ema=0.5))
    start(plain)
    start(compiled)
    close(saved(compiled), saved(plain), tolerance=1e-4)


def test_gradients_are_clipped_to_the_norm(clips, tmp_path, monkeypatch):
    norms = []
    step = torch.optim.AdamW.step

    def watched(self, *args, **options):
        grads = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        norms.append(torch.stack([g.norm() for g in grads]).norm().item())
        return step(self, *args, **options)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    start(tiny_run(clips, tmp_path / "run", clip_grad=0.01))
    assert max(norms) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_mixed_clips_have_mixed_labels(kind):
    """Clip i is all i: what is left of it in the mixture is its share in the label."""
    videos = torch.arange(4.0).view(4, 1, 1, 1, 1).expand(4, 3, 5, 32, 32)
    batch = {"video": videos, "label": torch.arange(4)}
    torch.manual_seed(1)
    mixed = Mixing(**{"mixup": 0.0, "cutmix": 0.0, kind: 1.0}, num_classes=4, label="label")(batch)
    assert type(mixed["video"]) is torch.Tensor
    assert mixed["video"].shape == videos.shape
    for video, share in zip(mixed["video"], mixed["label"], strict=True):
        assert share.sum() == pytest.approx(1)
        assert video.mean().item() == pytest.approx((share * torch.arange(4.0)).sum().item(), abs=1e-5)
        assert torch.equal(video, video[:, :1].expand_as(video)), "another rectangle in some frame"
    assert not torch.equal(mixed["label"], torch.eye(4))


class Sick(nn.Module):
    """Three layers, the second of which fails from some call on."""

    def __init__(self, call):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool3d(1)
        self.first, self.second, self.third = nn.Linear(3, 8), Failing(call), nn.Linear(8, 3)

    def forward(self, video):
        return self.third(self.second(self.first(self.pool(video).flatten(1))))


class Failing(nn.Module):
    def __init__(self, call):
        super().__init__()
        self.call, self.seen = call, 0

    def forward(self, x):
        self.seen += self.training
        return x / 0 if self.training and self.seen >= self.call else x


def own(module):
    return CustomModel(module, class_names=NAMES, preprocessing=Preprocessing(num_frames=4, size=(32, 32)))


def test_not_a_number_names_its_layer_and_keeps_the_checkpoint(clips, tmp_path):
    run = dataclasses.replace(tiny_run(clips, tmp_path / "run", epochs=3), checkpoint_steps=1)
    with pytest.raises(TrainingError, match=r"step 5 \(epoch 2\): the output of module\.second is not finite; .*keeps"):
        start(run, model=own(Sick(5)))
    state = read_checkpoint(run.output / "checkpoints")
    assert state["step"] == 4
    assert all(value.isfinite().all() for value in state["model"].values())


class Steep(nn.Module):
    """A finite output whose gradient is not: the root at zero."""

    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, video):
        return self.head(torch.sqrt(self.layer(video.mean((2, 3, 4))) * 0))


def test_a_gradient_that_is_not_a_number_names_its_layer(clips, tmp_path):
    with pytest.raises(
        TrainingError, match=r"the gradient is not finite at step 1 .*the gradient of module\.layer\.bias"
    ):
        start(tiny_run(clips, tmp_path / "run"), model=own(Steep()))


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
