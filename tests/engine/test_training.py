"""Training end to end on real files: what is learnt, what is written, and how it stops."""

import csv
import dataclasses
import io
import json
import math
import multiprocessing
import os
import signal
import time

import pytest
import torch
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.tiny import tiny_run
from videomamba.engine import (
    TrainingError,
    TrainingInterrupted,
    evaluate,
    evaluation_loader,
    learner,
    load_splits,
    train,
)
from videomamba.engine.device import make_accelerator
from videomamba.engine.training import with_all_epochs
from videomamba.locks import InUseError, locked
from videomamba.models import load_model
from videomamba.nn.mixer import SpatioTemporalSSM
from videomamba.notes import UserNote
from videomamba.tasks.recognition import Recognition

NAMES = ("blue", "green", "red")


def start(run, task=None, **options):
    splits = load_splits(run.data, seed=run.seed)
    return train(run, task or Recognition(NAMES), splits, console=Console(file=io.StringIO()), **options)


def rows(folder):
    with (folder / "metrics.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def trained(clips, tmp_path_factory):
    """Ten epochs on the colours."""
    output = tmp_path_factory.mktemp("runs") / "deep" / "run"
    return start(tiny_run(clips, output, epochs=10))


def test_separable_classes_are_learnt(trained):
    logged = rows(trained.folder)
    assert logged[-1]["train_loss"] < logged[0]["train_loss"] / 2
    assert logged[-1]["top1"] == 1
    assert logged[-1]["test_loss"] < math.log(3) / 2  # half of guessing


def test_the_run_folder_is_complete(trained, clips):
    names = {path.name for path in trained.folder.iterdir()}
    assert names == {
        *("config.json", "splits.csv", "metrics.csv", "result.json", "tensorboard", "checkpoints", "best", "last"),
    }
    config = json.loads((trained.folder / "config.json").read_text())
    assert (config["optim"]["epochs"], config["data"]["root"], config["seed"]) == (10, str(clips), 0)
    assert config["facts"]["architecture"]["embed_dim"] == 32
    model = load_model(trained.folder / "last")
    assert config["facts"]["parameters"] == sum(p.numel() for p in model.parameters())
    assert (model.class_names, model.training) == (NAMES, False)


def test_metrics_have_a_row_per_epoch(trained):
    logged = rows(trained.folder)
    assert [row["epoch"] for row in logged] == list(range(1, 11))
    assert [row["step"] for row in logged] == list(range(3, 31, 3))  # 12 clips in batches of 4
    assert logged[-1] == {name: pytest.approx(value) for name, value in trained.last.items()}
    assert all(0 <= row["data_wait"] <= 1 and row["clips_per_second"] > 0 for row in logged)


def test_tensorboard_has_the_same_figures(trained):
    events = EventAccumulator(str(trained.folder / "tensorboard" / "videomamba")).Reload()
    seen = [(event.step, event.value) for event in events.Scalars("train_loss")]
    assert seen == [(row["epoch"], pytest.approx(row["train_loss"])) for row in rows(trained.folder)]


def figures_of(folder, checkpoint, **changes):
    run = json.loads((folder / "config.json").read_text())
    splits = load_splits(dataclasses.replace(tiny_run(None, None).data, root=run["data"]["root"]), seed=run["seed"])
    model = load_model(folder / checkpoint)
    loader = evaluation_loader(Recognition(NAMES), splits.test, model.preprocessing, batch_size=2, workers=0)
    return evaluate(model, Recognition(NAMES), loader, make_accelerator("cpu"), **changes)


def test_evaluating_a_checkpoint_gives_the_logged_figures(trained):
    last = figures_of(trained.folder, "last")
    assert (last["top1"], last["count"]) == (trained.last["top1"], 3)
    assert last["loss"] == pytest.approx(trained.last["test_loss"], rel=1e-4)
    assert figures_of(trained.folder, "best")["loss"] == pytest.approx(trained.best["test_loss"], rel=1e-4)


def test_best_has_the_highest_top1_then_the_lowest_loss(trained):
    want = max(rows(trained.folder), key=lambda row: (row["top1"], -row["test_loss"]))
    assert trained.best["epoch"] == want["epoch"]


def weights(folder):
    return load_model(folder / "last").state_dict()


def test_a_seed_gives_the_same_weights_with_any_number_of_workers(clips, tmp_path):
    """Drop path, augmentation, order and initialisation all draw from it."""
    run = tiny_run(clips, tmp_path / "a")
    run = dataclasses.replace(run, model=dataclasses.replace(run.model, drop_path_rate=0.3))
    first = weights(start(run).folder)
    data = dataclasses.replace(run.data, workers=2)
    second = weights(start(dataclasses.replace(run, output=tmp_path / "b", data=data)).folder)
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = dataclasses.replace(run, output=tmp_path / "c", seed=1)
    splits = load_splits(run.data, seed=0)  # the same videos
    third = weights(train(other, Recognition(NAMES), splits, console=Console(file=io.StringIO())).folder)
    assert not torch.equal(first["head.weight"], third["head.weight"])


def test_bf16_trains_under_autocast_and_tests_in_float32(clips, tmp_path, monkeypatch):
    seen = set()
    mix = SpatioTemporalSSM.forward

    def watched(*args, **options):
        out = mix(*args, **options)
        seen.add((torch.is_grad_enabled(), out.dtype))
        return out

    monkeypatch.setattr(SpatioTemporalSSM, "forward", watched)
    monkeypatch.setattr(learner, "bf16_products", lambda device: (True, "as if"))
    result = start(tiny_run(clips, tmp_path / "run", bf16=True))
    assert (True, torch.bfloat16) in seen
    assert {dtype for grad, dtype in seen if not grad} == {torch.float32}
    assert math.isfinite(result.last["train_loss"])


def test_bf16_stays_in_float32_where_it_would_be_slower(clips, tmp_path, monkeypatch):
    monkeypatch.setattr(learner, "bf16_products", lambda device: (False, "no such instructions"))
    with pytest.warns(UserNote, match="bf16 has no effect, training stays in float32: no such instructions"):
        slow = start(tiny_run(clips, tmp_path / "run", bf16=True))
    plain = start(tiny_run(clips, tmp_path / "plain"))
    assert slow.last["train_loss"] == plain.last["train_loss"]


@pytest.mark.parametrize(("videos", "epochs"), [(10, 20), (16, 15), (17, 12), (1000, 2)])
def test_small_sets_get_more_epochs(tmp_path, videos, epochs):
    run = tiny_run(tmp_path, None, epochs=2, min_steps=58, batch_size=4)  # 3, 4, 5 and 250 steps an epoch
    assert with_all_epochs(run, videos).optim.epochs == epochs


class Disturbed(Recognition):
    """Does something when the loss of some training step is asked for."""

    def __init__(self, step, action):
        super().__init__(NAMES)
        self.step, self.action, self.seen = step, action, 0

    def loss(self, outputs, batch):
        loss = super().loss(outputs, batch)
        if torch.is_grad_enabled():
            self.seen += 1
            if self.seen == self.step:
                return self.action(loss)
        return loss


def test_a_loss_that_is_not_finite_stops_and_names_the_step(clips, tmp_path):
    run = tiny_run(clips, tmp_path / "run", epochs=3)
    with pytest.raises(TrainingError, match=r"the loss is nan at step 5 \(epoch 2\).*lower learning rate than 0.003"):
        start(run, Disturbed(5, lambda loss: loss * float("nan")))
    kept = load_model(tmp_path / "run" / "last")
    assert all(torch.isfinite(p).all() for p in kept.parameters())
    assert [row["epoch"] for row in rows(tmp_path / "run")] == [1]


def signalling(number):
    """An action that sends a signal to this process and its new children, as a terminal or a scheduler does."""
    others = {child.pid for child in multiprocessing.active_children()}  # of tests before

    def action(loss):
        for child in multiprocessing.active_children():
            if child.pid not in others:
                os.kill(child.pid, number)
        os.kill(os.getpid(), number)
        return loss

    return action


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_step_finish_and_writes_last(clips, tmp_path, number, workers):
    run = tiny_run(clips, tmp_path / "run", epochs=3)
    run = dataclasses.replace(run, data=dataclasses.replace(run.data, workers=workers))
    before, others = signal.getsignal(number), multiprocessing.active_children()
    task = Disturbed(2, signalling(number))
    with pytest.raises(TrainingInterrupted, match=r"stopped in epoch 1; .*run holds the whole state") as stop:
        start(run, task)
    assert isinstance(stop.value, KeyboardInterrupt)
    assert (task.seen, stop.value.epoch, stop.value.folder) == (2, 1, tmp_path / "run")
    assert load_model(tmp_path / "run" / "last").class_names == NAMES
    assert signal.getsignal(number) is before
    assert set(multiprocessing.active_children()) <= set(others), "loader processes outlive the run"


@pytest.fixture
def heeds_ctrl_c():
    """As in a terminal: what a shell starts with ``&`` inherits that Ctrl-C is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_a_second_ctrl_c_stops_at_once(clips, tmp_path):
    interrupt, before = signalling(signal.SIGINT), signal.getsignal(signal.SIGINT)

    def twice(loss):
        interrupt(loss)
        deadline = time.monotonic() + 20
        while signal.getsignal(signal.SIGINT) is not before:  # two that are pending at once would be one
            assert time.monotonic() < deadline, "the first one was not handled"
            time.sleep(0.01)
        interrupt(loss)
        time.sleep(20)  # which the second one ends
        return loss

    with pytest.raises(KeyboardInterrupt) as stop:
        start(tiny_run(clips, tmp_path / "run"), Disturbed(1, twice))
    assert not isinstance(stop.value, TrainingInterrupted)


def test_nothing_is_overwritten(clips, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="is not empty; choose another folder"):
        start(tiny_run(clips, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_another_process_trains_in_is_refused(clips, tmp_path):
    """Whatever it has written so far: nothing, half a checkpoint, or all."""
    run = tiny_run(clips, tmp_path / "run", epochs=1)
    with locked(run.output), pytest.raises(InUseError, match="run is being written by another process"):
        start(run)
    start(run)
    half = run.output / "checkpoints" / ".0123abcd"
    half.mkdir()
    before = (run.output / "config.json").stat().st_mtime_ns
    with locked(run.output), pytest.raises(InUseError, match="wait until that one has ended, or name another output"):
        start(run, resume=True)
    assert half.is_dir()
    assert (run.output / "config.json").stat().st_mtime_ns == before


def test_a_run_holds_its_folder_while_it_trains(clips, tmp_path):
    run = tiny_run(clips, tmp_path / "run", epochs=1)

    def on_step(trainer, loss):
        with pytest.raises(InUseError):
            locked(run.output).__enter__()

    start(run, on_step=on_step)
    with locked(run.output):
        pass


def test_mistakes_leave_no_folder(clips, tmp_path):
    run = tiny_run(clips, tmp_path / "run")
    with pytest.raises(ValueError, match="unknown model 'resnet'; choose one of"):
        start(dataclasses.replace(run, model=dataclasses.replace(run.model, name="resnet")))
    with pytest.raises(ValueError, match="unknown device 'tpu'; choose one of auto, cpu"):
        start(dataclasses.replace(run, device="tpu"))
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="this machine has one")
def test_a_device_that_is_not_here(clips, tmp_path):
    with pytest.raises(ValueError, match=r"device 'mps' is not available to PyTorch .* here; there is .*cpu"):
        start(dataclasses.replace(tiny_run(clips, tmp_path / "run"), device="mps"))
