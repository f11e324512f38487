"""Ray Data's engine: every video once, also where a worker is killed and the run is started again."""

import os
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


@pytest.mark.slow
def test_killed_and_resumed_every_video_is_one_row(tmp_path):
    root = write_clips(tmp_path / "clips", per_class=40)
    (root / "broken.mp4").write_text("no video")
    videos = sorted(root.rglob("*.mp4"))
    torch.manual_seed(0)
    model = create_model("videomamba_nano", class_names=("blue", "green", "red"), **MODEL)
    torch.nn.init.normal_(model.head.weight)
    model.save_pretrained(tmp_path / "model")
    checkpoint, out = str(tmp_path / "model"), tmp_path / "ray"
    words = [sys.executable, "-m", "videomamba.cli.main", "predict", str(root), "--checkpoint", checkpoint]
    words += ["--engine", "ray", "--output", str(out), "--shards", "20", "--batch-size", "2", "--device", "cpu"]
    started = subprocess.Popen(words, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        while started.poll() is None and len(list(out.glob("*.parquet"))) < 2:
            time.sleep(0.05)
        children = psutil.Process(started.pid).children(recursive=True)
        worker = next(p for p in children if "MapWorker" in p.name() or "MapWorker" in " ".join(p.cmdline()))
        worker.send_signal(signal.SIGKILL)
        time.sleep(1)
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        for child in children:
            if child.is_running():
                child.kill()
    before = len(column(out, "path"))
    assert subprocess.run([*words, "--resume"], stderr=subprocess.DEVNULL).returncode == 2, "one file is broken"
    assert 0 < before < len(videos)
    assert sorted(column(out, "path")) == sorted(map(str, videos))
    run_many(checkpoint, videos, tmp_path / "local", Options(device="cpu"))
    local, ray = rows_of(tmp_path / "local"), rows_of(out)
    for path, row in local.items():
        assert row["error"] == ray[path]["error"]
        assert row["scores"] is None or row["scores"] == pytest.approx(ray[path]["scores"], abs=1e-6)
