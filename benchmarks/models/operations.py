"""Multiply-adds of VideoMamba and of the models that it is compared with, over frames and sizes.

Ours are counted from the definition; the others' by PyTorch's FlopCounterMode on modules without memory, which sees
their matrix products and convolutions.
"""

import dataclasses
from collections.abc import Sequence

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.models.peers import make_model
from videomamba.errors import UserError
from videomamba.models import VideoMambaConfig, list_models, model_config
from videomamba.models.operations import totals, videomamba_operations


@dataclasses.dataclass(frozen=True)
class Row:
    """One model at one input.

    Attributes:
        model: its name.
        frames, size: of the clip; height and width are the same.
        tokens: 2 x 16 x 16 pieces of the clip, whatever the model cuts it into.
        parameters: numbers that are learnt.
        multiply_adds: of all matrix products and convolutions of one clip.
    """

    model: str
    frames: int
    size: int
    tokens: int
    parameters: int
    multiply_adds: int


def video_tokens(frames: int, size: int) -> int:
    """2 x 16 x 16 pieces of a clip."""
    return frames // 2 * (size // 16) ** 2


def count(model: str, frames: int, size: int) -> Row:
    """
    Raises:
        UserError: an unknown model, or an input that it cannot take.
    """
    if model in list_models("videomamba_*"):
        config = model_config(model, num_frames=frames, img_size=size)
        assert isinstance(config, VideoMambaConfig)
        sums = totals(videomamba_operations(config))
        return Row(model, frames, size, video_tokens(frames, size), sums.parameters, sums.multiply_adds)
    with torch.device("meta"):
        module = make_model(model, frames, size).eval()
        video = torch.empty(1, 3, frames, size, size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(video)
    parameters = sum(p.numel() for p in module.parameters() if p.requires_grad)
    return Row(model, frames, size, video_tokens(frames, size), parameters, counter.get_total_flops() // 2)


def check_inputs(frames: Sequence[int], sizes: Sequence[int]) -> None:
    """
    Raises:
        UserError: frames or sizes that not every model can take.
    """
    for name, values, unit in (("frames", frames, 2), ("sizes", sizes, 16)):
        if not values or any(value < unit or value % unit for value in values):
            given = " ".join(map(str, values)) or "(none)"
            raise UserError(f"--{name} {given}: give at least one number, each a multiple of {unit}")
