"""``torch.compile`` beside eager on a CPU: what compiling takes, and what a pass takes afterwards.

    python benchmarks/compiled.py [NAME:FRAMESxSIZE ...] [--seconds 6]

One clip, float32; eager and compiled take turns, medians are printed. Training is the forward and the backward pass of
a model without stochastic depth. PyTorch's compiler keeps what it has compiled in a cache on disk: set
``TORCHINDUCTOR_FORCE_DISABLE_CACHES=1`` to time a first compilation again.
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line has it, before PyTorch is loaded

import torch

from videomamba import create_model
from videomamba.benchmark.timing import interleaved
from videomamba.machine import machine_line

CELLS = ("videomamba_nano:8x112", "videomamba_nano:16x224", "videomamba_tiny:8x112")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", nargs="*", default=CELLS, metavar="NAME:FRAMESxSIZE")
    parser.add_argument("--seconds", type=float, default=6.0)
    options = parser.parse_args()
    for cell in options.cells:
        name, shape = cell.split(":")
        frames, size = map(int, shape.split("x"))
        for training in (False, True):
            eager, compiled = passes(name, frames, size, training=training)
            began = time.perf_counter()
            compiled()
            compilation = time.perf_counter() - began
            first, second = interleaved([eager, compiled], torch.device("cpu"), seconds=options.seconds)
            print(
                f"{name:16} {shape:>7}  {'training' if training else 'forward':8}  compiling {compilation:5.1f} s  "
                f"eager {1e3 * first:7.1f} ms  compiled {1e3 * second:7.1f} ms  {second / first:.2f} times",
                flush=True,
            )
    print(machine_line("cpu"))


def passes(name: str, frames: int, size: int, *, training: bool) -> tuple[Callable[[], object], Callable[[], object]]:
    """A pass of the model as it is, and of the compiled one."""
    torch.manual_seed(0)
    model = create_model(name, num_frames=frames, img_size=size, num_classes=400, drop_path_rate=0.0).train(training)
    video = torch.randn(1, 3, frames, size, size)

    def run(network: Callable[[torch.Tensor], torch.Tensor]) -> None:
        if not training:
            with torch.inference_mode():
                network(video)
            return
        network(video).square().mean().backward()
        model.zero_grad(set_to_none=True)

    compiled = torch.compile(model)
    return lambda: run(model), lambda: run(compiled)


if __name__ == "__main__":
    main()
