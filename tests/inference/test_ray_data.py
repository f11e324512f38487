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
_PATIENCE = 900  # seconds until a run counts as hung: Ray starts five processes that import PyTorch, on any machine
_TRIES = 5


def model_workers(run):
    """Processes of a run that hold the model."""
    return [p for p in run.children(recursive=True) if "MapWorker" in " ".join([p.name(), *p.cmdline()])]


def tried(run):
    """What ``run`` gives, once Ray has started: it allows itself 30 seconds for that, too few on a busy machine."""
    for _ in range(_TRIES):
        found, said = run()
        if "Ray does not start here" not in said:
            break
    return found, said


@pytest.mark.slow
def test_killed_and_resumed_every_video_is_one_row(tmp_path, monkeypatch):
    # or each of Ray's processes compiles pandas and Ray Data by itself, for minutes on a busy machine
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
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

    def first_shards():
        with (tmp_path / "said.txt").open("w") as said:
            process = psutil.Popen(words, stderr=said)
        began = time.monotonic()
        while process.poll() is None and len(list(out.glob("*.parquet"))) < 2 and time.monotonic() - began < _PATIENCE:
            time.sleep(0.05)
        return process, (tmp_path / "said.txt").read_text()

    started, said = tried(first_shards)
    try:
        assert started.poll() is None, said
        assert list(out.glob("*.parquet")), "Ray has written nothing"
        model_workers(started)[0].send_signal(signal.SIGKILL)
        time.sleep(1)
        assert started.poll() is None, "the run goes on without the worker"
    finally:
        for process in [*started.children(recursive=True), started]:
            process.kill()
        started.wait()
    before = len(column(out, "path"))

    def resume():
        done = subprocess.run([*words, "--resume"], capture_output=True, text=True, timeout=_PATIENCE)
        return done.returncode, done.stderr

    returned, said = tried(resume)
    assert returned == 2, f"one file is broken; {said}"
    assert 0 < before < len(videos)
    assert sorted(column(out, "path")) == sorted(map(str, videos))
    run_many(checkpoint, videos, tmp_path / "local", Options(device="cpu"))
    local, ray = rows_of(tmp_path / "local"), rows_of(out)
    for path, row in local.items():
        assert row["error"] == ray[path]["error"]
        assert row["scores"] is None or row["scores"] == pytest.approx(ray[path]["scores"], abs=1e-6)
