"""``videomamba_small`` and its floor beside VideoMAE-S, in turns: how fast could it be at most?

    pip install --group benchmark
    python -m benchmarks.floors

One clip, float32. The floor is that of ``videomamba benchmark model``: the matrix products alone, on tensors that stay
warm, the scan's arithmetic alone, and the bytes of the convolution and of AdamW once.
"""

import torch

from benchmarks.models.peers import make_model
from videomamba import create_model
from videomamba.benchmark.floor import floor_of
from videomamba.benchmark.model import PASSES
from videomamba.benchmark.timing import bytes_per_second, interleaved
from videomamba.machine import machine_line
from videomamba.memory import keep_freed_memory
from videomamba.tables import as_markdown

CPU = torch.device("cpu")
LABELS = torch.tensor([0])
INPUTS = ((8, 112), (16, 112), (8, 224), (16, 224))
HEAD = ("frames", "size", "pass", "ms", "floor", "VideoMAE-S", "times the floor", "/ VideoMAE-S", "floor / VideoMAE-S")


def main() -> None:
    keep_freed_memory()  # as the command line does
    print(machine_line("cpu"), flush=True)
    bandwidth, rows = bytes_per_second(CPU), []
    for frames, size in INPUTS:
        video = torch.randn(1, 3, frames, size, size)
        model, other = (
            create_model("videomamba_small", num_frames=frames, img_size=size),
            make_model("videomae_s", frames, size),
        )
        numbers = sum(p.numel() for p in model.parameters())
        for what, make in PASSES.items():
            least = floor_of(model.config, 1, training=what == "training", dtype=torch.float32, parameters=numbers)
            runs = [make(each, video, LABELS) for each in (model, other)]
            taken, beside, *parts = interleaved([*runs, least.products, least.scan], CPU, seconds=25)
            floor = sum(least.parts(*parts, bandwidth).values())
            times = (f"{1e3 * each:,.0f}" for each in (taken, floor, beside))
            ratios = (f"{each:.2f}" for each in (taken / floor, taken / beside, floor / beside))
            rows.append([str(frames), str(size), what, *times, *ratios])
            print(*rows[-1], flush=True)
    print(as_markdown(HEAD, rows))


if __name__ == "__main__":
    main()
