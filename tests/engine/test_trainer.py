"""Options of the optimisation do what they are named, on live runs; what is not finite stops them."""

import dataclasses
import io
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console
from torch import nn

from tests.engine.runs import Sick, own, saved, start
from tests.tiny import tiny_run
from videomamba.cli.main import main
from videomamba.data import VideoDataset
from videomamba.engine import TrainingError, load_splits, train
from videomamba.engine.checkpoint import read_checkpoint
from videomamba.engine.progress import TrainProgress
from videomamba.tasks.recognition import Recognition


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
        steps.append({name: p.detach().clone() for name, p in trainer.learner.bare.named_parameters()})

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


@pytest.mark.parametrize(("a_clip", "a_batch", "share"), [(3.0, 4.0, 0.75), (0.5, 38.0, 0.05), (0.0, 1.0, 0.0)])
def test_the_share_is_that_of_the_clock(clips, tmp_path, monkeypatch, a_clip, a_batch, share):
    """12 training clips in 3 batches: reading takes 12 times ``a_clip``, computing 3 times ``a_batch``."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(
        "videomamba.engine.trainer.time", SimpleNamespace(perf_counter=lambda: clock.now, monotonic=lambda: clock.now)
    )
    read = VideoDataset.__getitem__

    def slow_read(self, index):
        clock.now += a_clip if self.train else 1000.0  # the test is no part of it
        return read(self, index)

    monkeypatch.setattr(VideoDataset, "__getitem__", slow_read)

    class SlowTask(Recognition):
        def outputs(self, model, batch):
            clock.now += a_batch
            return super().outputs(model, batch)

    shown = []
    step = TrainProgress.step
    monkeypatch.setattr(TrainProgress, "step", lambda self, row: shown.append(row["data_wait"]) or step(self, row))
    run = tiny_run(clips, tmp_path / "run", epochs=2)
    splits = load_splits(run.data, seed=run.seed)
    result = train(run, SlowTask(("blue", "green", "red")), splits, console=Console(file=io.StringIO()))
    assert len(splits.train) == 12
    assert result.last["data_wait"] == pytest.approx(share)
    assert len(shown) == 6
    assert shown[2] == shown[5] == pytest.approx(share), "each epoch counts anew"
