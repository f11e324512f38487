"""Ray Data's engine: every video once, also where a worker is killed and the run is started again."""

import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch

from tests.inference.test_many import rows_of
from tests.tiny import MODEL, write_clips
from videomamba.inference.many import Options, run_many
from videomamba.inference.shards import column
from videomamba.models import create_model

pytest.importorskip("ray")
_PATIENCE = 240  # seconds for Ray's processes to start, each of which imports PyTorch


def model_workers(run):
    """Processes of a run that hold the model."""
    return [p for p in run.children(recursive=True) if "MapWorker" in " ".join([p.name(), *p.cmdline()])]


@pytest.mark.slow
def test_killed_and_resumed_every_video_is_one_row(tmp_path):
    root = write_clips(tmp_path / "clips", per_class=20)
    (root / "broken.mp4").write_text("no video")
    videos = sorted(root.rglob("*.mp4"))
    torch.manual_seed(0)
    model = create_model("videomamba_nano", class_names=("blue", "green", "red"), **MODEL)
    torch.nn.init.normal_(model.head.weight)
    model.save_pretrained(tmp_path / "model")
    checkpoint, out = str(tmp_path / "model"), tmp_path / "ray"
    words = [sys.executable, "-m", "videomamba.cli.main", "predict", str(root), "--checkpoint", checkpoint]
    words += ["--engine", "ray", "--output", str(out), "--shards", "15", "--batch-size", "2", "--device", "cpu"]
    with (tmp_path / "said.txt").open("w") as said:
        started = psutil.Popen(words, stderr=said)
    try:
        began = time.monotonic()
        while len(list(out.glob("*.parquet"))) < 2:
            assert started.poll() is None, (tmp_path / "said.txt").read_text()
            assert time.monotonic() - began < _PATIENCE, "Ray has written nothing"
            time.sleep(0.05)
        model_workers(started)[0].send_signal(signal.SIGKILL)
        time.sleep(1)
        assert started.poll() is None, "the run goes on without the worker"
    finally:
        for process in [*started.children(recursive=True), started]:
            process.kill()
        started.wait()
    before = len(column(out, "path"))
    resumed = subprocess.run([*words, "--resume"], capture_output=True, text=True, timeout=_PATIENCE)
    assert resumed.returncode == 2, f"one file is broken; {resumed.stderr}"
    assert 0 < before < len(videos)
    assert sorted(column(out, "path")) == sorted(map(str, videos))
    run_many(checkpoint, videos, tmp_path / "local", Options(device="cpu"))
    local, ray = rows_of(tmp_path / "local"), rows_of(out)
    for path, row in local.items():
        assert row["error"] == ray[path]["error"]
        assert row["scores"] is None or row["scores"] == pytest.approx(ray[path]["scores"], abs=1e-6)
