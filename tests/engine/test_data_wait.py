"""The share of time spent waiting for data, against a clock that reading and computing move by known steps."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from tests.tiny import tiny_run
from videomamba.data import VideoDataset
from videomamba.engine import load_splits, train
from videomamba.engine.progress import TrainProgress
from videomamba.tasks.recognition import Recognition


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
