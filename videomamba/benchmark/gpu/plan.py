"""How much is measured on a GPU, and how little on a stand-in for one."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Plan:
    """How much is done.

    Attributes:
        small: tiny checks and models: the stand-in for a GPU in tests.
        batches, lengths: of scans and blocks.
        widths: of a scan's channels, and of a block's tokens.
        states: of a channel.
        clips: (frames, size) of whole models.
        models: that are timed.
        batch: clips of whole models and of training.
        videos: that are predicted.
        seconds: about, of one group of timings.
    """

    small: bool = False
    batches: tuple[int, ...] = (1, 8, 64)
    lengths: tuple[int, ...] = (197, 1569, 3137, 12545, 50177)
    widths: tuple[int, int] = (768, 384)
    states: int = 16
    clips: tuple[tuple[int, int], ...] = ((8, 112), (8, 224), (16, 224), (32, 224))
    models: tuple[str, ...] = ("videomamba_small", "video_swin_t", "videomae_s")
    batch: int = 8
    videos: int = 64
    seconds: float = 0.3


FULL = Plan()
SMALL = Plan(
    small=True, batches=(1,), lengths=(5,), widths=(2, 4), states=1, clips=((2, 32),), models=("videomamba_tiny",),
    batch=1, videos=1, seconds=0.01,
)  # fmt: skip


def sizes(plan: Plan) -> Iterator[tuple[int, int, torch.dtype]]:
    """Batches, lengths and dtypes that are timed: bfloat16 first, the smallest first."""
    every = itertools.product(plan.batches, plan.lengths, (torch.bfloat16, torch.float32))
    return iter(sorted(every, key=lambda cell: (str(cell[2]), cell[0] * cell[1])))


def fits(device: torch.device, count: float) -> bool:
    """Whether so many bytes are free on a GPU."""
    if device.type != "cuda":
        return True
    torch.cuda.empty_cache()  # what PyTorch keeps for later counts as free
    return count < 0.85 * torch.cuda.mem_get_info(device)[0]
