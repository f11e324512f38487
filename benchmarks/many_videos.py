"""Both engines of ``videomamba predict --output`` on many rendered clips, 1 % of them broken.

python benchmarks/many_videos.py FOLDER prepare     # clips and a model with random weights
python benchmarks/many_videos.py FOLDER kill        # Ray: kill -9 a worker, then the run; resume; compare with local
python benchmarks/many_videos.py FOLDER speed       # clips per second beside decoding alone and the model alone
python benchmarks/many_videos.py FOLDER hours       # videos per hour by frames and size, decoding included
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line has it, before PyTorch is loaded

import numpy as np
import psutil
import pyarrow.parquet as pq
import torch

import videomamba
from videomamba.data.synthetic import SyntheticMotions, render_motion, write_synthetic, write_video
from videomamba.inference.ahead import ahead
from videomamba.inference.batch import Predictor, pixels_or_error
from videomamba.inference.many import Options, run_many
from videomamba.inference.shards import shards_of
from videomamba.machine import machine_line

CLASSES, BATCH, SHARDS = 8, 8, 40
MODELS, INPUTS = (
    ("videomamba_nano", "videomamba_tiny"),
    ((8, 112), (16, 112), (32, 112), (8, 224), (16, 224), (32, 224)),
)
_LONG = 2.0  # seconds that a figure is measured for, about


def prepare(folder: Path, count: int) -> None:
    settings = SyntheticMotions(train_per_class=1, test_per_class=count // CLASSES)
    root = write_synthetic(folder / "data", settings) / "test"
    for i, path in enumerate(sorted(root.rglob("*.mp4"))):
        if i % 100 == 50:  # 1 %: cut short, of no length, and no video
            path.write_bytes((path.read_bytes()[:300], b"", b"no video")[i // 100 % 3])
    torch.manual_seed(0)
    model = videomamba.create_model("videomamba_nano", num_frames=8, class_names=settings.class_names)
    torch.nn.init.normal_(model.head.weight, std=0.5)
    model.save_pretrained(folder / "model")


def videos(folder: Path) -> list[Path]:
    return sorted((folder / "data" / "test").rglob("*.mp4"))


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [row for shard in shards_of(folder) for row in pq.read_table(shard, partitioning=None).to_pylist()]


def kill(folder: Path) -> dict[str, Any]:
    """Ray's rows after a killed worker, a killed run and ``--resume``, beside the local engine's."""
    out, local = folder / "ray", folder / "local"
    for old in (out, local):
        shutil.rmtree(old, ignore_errors=True)
    words = [sys.executable, "-m", "videomamba.cli.main", "predict", str(folder / "data" / "test")]
    words += ["--checkpoint", str(folder / "model"), "--engine", "ray", "--output", str(out), "--device", "cpu"]
    words += ["--shards", str(SHARDS), "--batch-size", str(BATCH)]
    for _ in range(4):
        started = subprocess.Popen(words, start_new_session=True)
        while started.poll() is None and not shards_of(out):
            time.sleep(0.05)
        if started.poll() is None:
            break  # else Ray did not start in time on a busy machine
    killed = []
    for share in (0.25, 0.5):  # of the shards
        while started.poll() is None and len(shards_of(out)) < share * SHARDS:
            time.sleep(0.05)
        children = psutil.Process(started.pid).children(recursive=True)
        if share == 0.25:
            worker = next(p for p in children if "MapWorker" in " ".join(p.cmdline()))
            killed.append(f"{' '.join(worker.cmdline())} at {len(rows_of(out))} rows")
            worker.send_signal(signal.SIGKILL)
    killed.append(f"the run at {len(rows_of(out))} rows")
    os.killpg(started.pid, signal.SIGKILL)
    for child in children:
        if child.is_running():
            child.kill()
    started.wait()
    half = len(rows_of(out))
    status = subprocess.run([*words, "--resume"]).returncode
    run_many(str(folder / "model"), videos(folder), local, Options(device="cpu", shards=SHARDS, batch_size=BATCH))
    mine, theirs = ({row["path"]: row for row in rows_of(place)} for place in (local, out))
    worst = 0.0
    for path, row in mine.items():
        other = theirs[path]
        assert (row["error"], row["labels"]) == (other["error"], other["labels"]), path
        if row["scores"] is not None:
            worst = max(worst, *(abs(a - b) for a, b in zip(row["scores"], other["scores"], strict=True)))
    paths = sorted(row["path"] for row in rows_of(out))
    return {
        "killed": killed,
        "rows_before_resume": half,
        "resumed_exit_status": status,
        "rows": len(paths),
        "every_clip_once": paths == [str(path) for path in videos(folder)],
        "errors": sum(row["error"] is not None for row in theirs.values()),
        "largest_difference_of_scores": worst,
    }


def speed(folder: Path) -> dict[str, Any]:
    """Clips per second; of the engines in all, and between the first and the last file written."""
    paths, checkpoint = [str(path) for path in videos(folder)], str(folder / "model")
    predictor = Predictor(checkpoint, device="cpu", batch_size=BATCH)

    def decode(path: str) -> Any:
        return path, pixels_or_error(path, predictor.preprocessing, 1)

    clips = [*ahead(decode, paths[:200], count=2 * BATCH)]  # warms up
    figures: dict[str, Any] = {"clips": len(paths), "machine": machine_line("cpu")}
    figures["decoding"] = len(paths) / _seconds(lambda: [None for _ in ahead(decode, paths, count=2 * BATCH)])
    predictor.compute(clips[:BATCH])
    batches = [clips[i : i + BATCH] for i in range(0, len(clips), BATCH)]
    figures["model"] = 3 * len(clips) / _seconds(lambda: [predictor.compute(batch) for batch in 3 * batches])
    for engine in ("local", "ray"):
        out = folder / f"speed-{engine}"
        shutil.rmtree(out, ignore_errors=True)
        options = Options(engine=engine, device="cpu", shards=SHARDS, batch_size=BATCH)
        summary = run_many(checkpoint, [Path(path) for path in paths], out, options)
        figures[f"{engine}_in_all"] = len(paths) / summary.seconds
        figures[f"{engine}_seconds"] = summary.seconds
        written = sorted((path.stat().st_mtime, pq.read_metadata(path).num_rows) for path in shards_of(out))
        later = sum(rows for _, rows in written[1:])
        figures[f"{engine}_running"] = later / (written[-1][0] - written[0][0])
    return figures


def hours(folder: Path) -> dict[str, Any]:
    """Videos per hour of the local engine, each of 10 s at 320 x 240 and 25 frames per second, in h264."""
    file = folder / "film.mp4"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        parts = [render_motion("enter", seed=i, num_frames=50, size=240) for i in range(5)]
        frames = np.concatenate(parts)
        write_video(file, np.concatenate([frames, frames[:, :, :80]], 2), fps=25)
    found: dict[str, Any] = {"machine": machine_line("cpu")}
    for name in MODELS:
        for frames, size in INPUTS:
            model = videomamba.create_model(name, num_frames=frames, img_size=size, num_classes=400)
            model.save_pretrained(folder / "hours")
            predictor = Predictor(folder / "hours", device="cpu", batch_size=BATCH)
            few = _seconds(lambda: list(predictor.rows([str(file)] * 4)))  # noqa: B023
            count = max(BATCH, min(400, round(4 * _LONG / few) // BATCH * BATCH))
            taken = _seconds(lambda: list(predictor.rows([str(file)] * count)))  # noqa: B023
            found[f"{name} {frames} x {size}"] = round(3600 * count / taken)
    return found


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("what", choices=("prepare", "kill", "speed", "hours"))
    parser.add_argument("--clips", type=int, default=2000)
    options = parser.parse_args()
    if options.what == "prepare":
        prepare(options.folder, options.clips)
        return
    print(json.dumps({"kill": kill, "speed": speed, "hours": hours}[options.what](options.folder), indent=2))


if __name__ == "__main__":
    main()
