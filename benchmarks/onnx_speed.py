"""onnxruntime beside PyTorch: seconds of one clip by the exported model and by the model itself.

    python benchmarks/onnx_speed.py FOLDER --export     # writes the files, which takes minutes
    python benchmarks/onnx_speed.py FOLDER [--seconds 6] [--json]

Batch 1, float32, all cores of this process; both are timed in turn, medians are printed. ``load`` is the time that
onnxruntime takes to open the file.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line has it, before PyTorch is loaded

import torch

import videomamba
from videomamba.benchmark.timing import interleaved
from videomamba.inference.onnx_model import OnnxModel
from videomamba.machine import machine_line
from videomamba.ops.native.library import available

NAMES = ("videomamba_nano", "videomamba_tiny", "videomamba_small")
SIZES = ((8, 112), (16, 224))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--export", action="store_true")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cells = [(name, frames, size) for name in NAMES for frames, size in SIZES]
    rows = []
    for name, frames, size in cells:
        file = options.folder / f"{name}-{frames}x{size}.onnx"
        if options.export:
            if not file.is_file():
                print(videomamba.export(model_of(name, frames, size), file), file=sys.stderr)
            continue
        rows.append(
            {"model": name, "frames": frames, "size": size, **measure(file, name, frames, size, options.seconds)}
        )
        if not options.json:
            show(rows[-1])
    if options.json:
        json.dump({"machine": machine_line("cpu"), "scan": available()[1], "rows": rows}, sys.stdout, indent=2)
    elif rows:
        print(f"{machine_line('cpu')}; the scan of PyTorch's model: {available()[1]}")


def model_of(name: str, frames: int, size: int) -> Any:
    torch.manual_seed(0)
    return videomamba.create_model(name, num_frames=frames, img_size=size, num_classes=400).eval()


@torch.inference_mode()
def measure(file: Path, name: str, frames: int, size: int, seconds: float) -> dict[str, float]:
    model = model_of(name, frames, size)
    began = time.perf_counter()
    exported = OnnxModel(file)
    load = time.perf_counter() - began
    video = torch.randn(1, 3, frames, size, size)
    eager, onnx = interleaved([lambda: model(video), lambda: exported(video)], torch.device("cpu"), seconds=seconds)
    bytes_of_weights = sum(p.numel() * p.element_size() for p in model.parameters())
    return {
        "eager_ms": 1e3 * eager,
        "onnx_ms": 1e3 * onnx,
        "ratio": onnx / eager,
        "load_s": load,
        "beside_weights_kb": (file.stat().st_size - bytes_of_weights) / 1e3,
    }


def show(row: dict[str, Any]) -> None:
    print(
        f"{row['model']:<18} {row['frames']:>2} x {row['size']}  eager {row['eager_ms']:7.1f} ms  onnxruntime "
        f"{row['onnx_ms']:7.1f} ms  {row['ratio']:.2f} times  load {row['load_s']:.2f} s  "
        f"{row['beside_weights_kb']:.0f} kB beside the weights",
        flush=True,
    )


if __name__ == "__main__":
    main()
