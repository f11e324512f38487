"""Time and memory of segmenters against the length of the video: a forward pass, and a step of training.

    python benchmarks/segmentation.py [--lengths 1000 3000 ...] [--patience 240] [--markdown FILE.md]

Every cell runs in its own process with one thread: the best of three after one to warm up (of one where that took more
than ten seconds), and the highest memory of the process above what it had before the features were made. If a cell's
process takes more than ``--patience`` seconds or runs out of memory, the cell says so, and longer ones of its row are
left out. First, a padded batch is checked against single videos.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch

from videomamba import create_model
from videomamba.tasks.segmentation import Segmentation

VARIANTS = {
    "ASFormer, windowed attention": ("asformer", {}),
    "ASFormer, ST-SSM in the encoder": ("asformer_ssm", {}),
    "ASFormer, ST-SSM everywhere": ("asformer", {"mixer": "ssm"}),
    "MS-TCN++": ("mstcn2", {}),
}
CHANNELS, CLASSES = 128, 11
LENGTHS = (1000, 3000, 10_000, 30_000, 100_000)


def cell(name: str, length: int, training: bool) -> dict[str, float]:
    """Seconds and MiB of one variant at one length, in this process."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    kind, options = VARIANTS[name]
    model = create_model(kind, input_dim=CHANNELS, num_classes=CLASSES, **options).train(training)
    task = Segmentation([str(i) for i in range(CLASSES)])
    label = torch.randint(0, CLASSES, (1, length))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    batch = {
        "video": torch.randn(1, CHANNELS, length),
        "valid": torch.ones(1, length, dtype=torch.bool),
        "label": label,
    }

    def run() -> float:
        began = time.perf_counter()
        with torch.inference_mode(not training):
            outputs = task.outputs(model, batch)
            if training:
                task.loss(outputs, batch).backward()
        return time.perf_counter() - began

    seconds = run()
    if seconds < 10:
        seconds = min(run() for _ in range(3))
    return {"seconds": seconds, "mib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}


def in_a_process(name: str, length: int, training: bool, patience: float) -> dict[str, float] | str:
    """The cell of a fresh process, or why there is none."""
    command = [sys.executable, __file__, "--cell", json.dumps([name, length, training])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        return "too slow"
    if done.returncode:
        return "out of memory" if done.returncode < 0 or "memory" in done.stderr else f"failed: {done.stderr[-200:]}"
    found: dict[str, float] = json.loads(done.stdout)
    return found


def check() -> None:
    """A padded batch and single videos give the same, for every variant."""
    for kind, options in VARIANTS.values():
        model = create_model(kind, input_dim=8, num_classes=3, num_layers=4, **options).eval()
        features, valid = torch.randn(2, 8, 40), torch.arange(40) < torch.tensor([40, 23])[:, None]
        with torch.inference_mode():
            torch.testing.assert_close(
                model(features, valid)[:, 1:, :, :23], model(features[1:, :, :23]), atol=1e-4, rtol=1e-4
            )


def table(lengths: list[int], patience: float) -> str:
    """Markdown, one row per variant and pass."""
    lines = []
    for training in (False, True):
        lines += [f"| {'training step' if training else 'forward'} | " + " | ".join(f"{n:,}" for n in lengths) + " |"]
        lines += ["|---" * (len(lengths) + 1) + "|"]
        for name in VARIANTS:
            texts: list[str] = []
            for length in lengths:
                found = in_a_process(name, length, training, patience)
                if isinstance(found, str):
                    texts.append(found)
                    break
                texts.append(f"{found['seconds']:.2f} s, {found['mib']:,.0f} MiB")
                print(name, "training" if training else "forward", length, texts[-1], file=sys.stderr, flush=True)
            lines.append(f"| {name} | " + " | ".join([*texts, *[""] * (len(lengths) - len(texts))]) + " |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--patience", type=float, default=240)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cell:
        print(json.dumps(cell(*json.loads(arguments.cell))))
        return
    check()
    text = table(list(arguments.lengths), arguments.patience)
    print(text)
    if arguments.markdown:
        arguments.markdown.write_text(text)


if __name__ == "__main__":
    main()
