"""Training and evaluation go on without broken files, as they are told to."""

import dataclasses
import io
import shutil

import pytest
import torch
from rich.console import Console

from tests.tiny import OPTIONS, tiny_run, write_clips
from videomamba.cli.main import main
from videomamba.data import VideoError
from videomamba.data.datasets.csv import read_table
from videomamba.engine import load_splits, train
from videomamba.engine import trainer as trainer_module
from videomamba.engine.checkpoint import read_checkpoint
from videomamba.engine.result import TrainingInterrupted
from videomamba.tasks.recognition import Recognition

NAMES = ("blue", "green", "red")
QUICK = ("--epochs", "1", *OPTIONS[2:])


@pytest.fixture
def broken(tmp_path):
    """Parts with one broken file each: red_1 of train, red_0 of test."""
    root = tmp_path / "clips"
    for seed, part in enumerate(("train", "test")):
        write_clips(root / part, per_class=2, seed=seed)
    for name in ("train/red/red_1.mp4", "test/red/red_0.mp4"):
        (root / name).write_bytes(b"\0" * 1000)
    return root


def skipping(root, output, limit, workers=0, **optim):
    run = tiny_run(root, output, batch_size=2, **optim)
    return dataclasses.replace(
        run, data=dataclasses.replace(run.data, skip_broken=limit, workers=workers), checkpoint_steps=1
    )


def start(run, resume=False):
    said = io.StringIO()
    result = train(
        run,
        Recognition(NAMES),
        load_splits(run.data, seed=0),
        resume=resume,
        console=Console(file=said, width=1000),
    )
    return result, said.getvalue()


@pytest.mark.parametrize("workers", [0, 1])
def test_training_goes_on_and_lists_them(broken, tmp_path, workers):
    run = skipping(broken, tmp_path / "run", 2, workers)
    result, said = start(run)
    assert "note: skipped, 1 of at most 2: " in said
    assert "note: skipped, 2 of at most 2: " in said
    assert said.count("note: skipped") == 2
    rows = read_table(run.output / "broken.csv", ("path", "part", "label", "problem", "reason"))
    assert {(row.fields["path"], row.fields["part"], row.fields["label"]) for row in rows} == {
        (str(broken / "train/red/red_1.mp4"), "train", "red"),
        (str(broken / "test/red/red_0.mp4"), "test", "red"),
    }
    assert all("is not a video" in row.fields["reason"] for row in rows)
    assert result.last["step"] == 6  # batches keep their size
    if not workers:  # the list is one to leave out
        again = ["train", str(broken), "--output", str(tmp_path / "again"), *QUICK]
        assert main([*again, "--leave-out", str(run.output / "broken.csv")]) == 0


def test_one_more_than_may_be_ends_it(broken, tmp_path):
    with pytest.raises(VideoError, match=r"more than 1 files are broken \(--skip-broken 1\).*--leave-out") as error:
        start(skipping(broken, tmp_path / "run", 1))
    assert "\n" not in str(error.value)
    with pytest.raises(VideoError, match="is not a video"):
        start(skipping(broken, tmp_path / "other", 0))


def test_a_run_that_skipped_resumes_bit_exact(broken, tmp_path, monkeypatch):
    run = skipping(broken, tmp_path / "whole", 2)
    start(run)
    real = trainer_module.Trainer.stop_if_asked

    def at_step_four(self):
        self.flag.requested = self.at.step == 4
        real(self)

    stopped = dataclasses.replace(run, output=tmp_path / "stopped")
    with monkeypatch.context() as patch:
        patch.setattr(trainer_module.Trainer, "stop_if_asked", at_step_four)
        with pytest.raises(TrainingInterrupted):
            start(stopped)
    start(stopped, resume=True)
    first, second = (read_checkpoint(output / "checkpoints")["model"] for output in (run.output, stopped.output))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_check_then_train_and_go_on_without_what_it_found(broken, tmp_path, capsys):
    """The recipe: the run dies at a broken file, check lists them, the same run goes on without."""
    bad, run = str(tmp_path / "bad.csv"), str(tmp_path / "run")
    words = ["train", str(broken), "--output", run, *QUICK]
    assert main(words) == 2
    assert main(["check", str(broken), "--csv", bad, "--frames", "4", "--workers", "0"]) == 2
    assert main([*words, "--resume"]) == 2
    assert main([*words, "--resume", "--leave-out", bad]) == 0
    said = capsys.readouterr().err
    assert f"1 files of {bad} are left out of the train part" in said
    assert main(["evaluate", run, str(broken)]) == 2
    assert main(["evaluate", run, str(broken), "--leave-out", bad, "--json"]) == 0
    left_out = capsys.readouterr().out
    assert main(["evaluate", run, str(broken), "--skip-broken", "1", "--workers", "1", "--json"]) == 0
    skipped = capsys.readouterr()
    assert skipped.out == left_out
    assert '"count": 5' in skipped.out
    assert "note: skipped, 1 of at most 1" in skipped.err


def test_the_draw_stays_when_broken_files_are_left_out(tmp_path):
    root = write_clips(tmp_path / "clips", per_class=8, frames=2)
    run = tiny_run(root, tmp_path / "run")
    before = load_splits(run.data, seed=0)["test"].records
    gone = [record.path for record in load_splits(run.data, seed=0)["train"].records[::4]]
    (tmp_path / "bad.csv").write_text("path\n" + "".join(f"{path}\n" for path in gone))
    after = load_splits(dataclasses.replace(run.data, leave_out=tmp_path / "bad.csv"), seed=0)
    assert after["test"].records == before
    shutil.rmtree(root)
