"""Videos of 8K through the verbs that take any video, in bounded memory."""

import subprocess
import sys

import numpy as np
import pytest

import videomamba
from tests.data.videos import write

# each command in a process of its own, forked from one that has imported everything
PEAKS = """
import os, resource, sys, torch
from videomamba.cli.main import load_verb, main
torch.set_num_threads(1)
verbs = {"predict": [], "delta": ["--out", "d.mp4"], "timeline": ["--out", "t.mp4"], "features": [], "check": []}
for verb in verbs:
    load_verb(verb)
for verb, options in verbs.items():
    for name in ("small", "large"):
        if (pid := os.fork()) == 0:
            checkpoint = ["--workers", "1"] if verb == "check" else ["--checkpoint", "M"]
            status = main([verb, name if verb == "check" else f"{name}/x/{name}.mkv", *checkpoint, *options])
            usage = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
            print(verb, name, max(usage) // 1024, flush=True)
            os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0, verb
"""


@pytest.mark.slow
def test_verbs_take_8k_in_bounded_memory(tmp_path):
    """One frame in RGB is 100 MB; FFmpeg keeps some more."""
    options = {"num_frames": 8, "img_size": 32, "depth": 1, "num_classes": 3}
    videomamba.create_model("videomamba_nano", **options).save_pretrained(tmp_path / "M")
    for name, (height, width) in (("small", (216, 384)), ("large", (4320, 7680))):
        (tmp_path / name / "x").mkdir(parents=True)
        frames = np.broadcast_to(np.uint8(128), (20, height, width, 3))
        file = tmp_path / name / "x" / f"{name}.mkv"
        write(file, frames, codec="mjpeg", pix_fmt="yuvj420p", options={"qscale": "31"})
    done = subprocess.run([sys.executable, "-c", PEAKS], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peaks = {tuple(line.split()[:2]): int(line.split()[2]) for line in done.stdout.splitlines() if line[-1:].isdigit()}
    for verb in {verb for verb, _ in peaks}:
        more = peaks[verb, "large"] - peaks[verb, "small"]
        print(f"{verb}: {more} MB more")
        assert more < 1000, verb
    assert len(peaks) == 10
